//! From a value of the file to a Rust type: what each shape allows, and what is said of any other.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use super::raw::{Faults, Value, kind, shown};
use super::{duration, size};

/// Any text.
pub(super) fn string(value: &Value<'_>, faults: &mut Faults) -> Option<String> {
    let text = value.get_ref().as_str().map(ToOwned::to_owned);
    if text.is_none() {
        faults.push(value, wrong_type(value, "a string"));
    }
    text
}

/// Text with a form, given by a parser whose error is the sentence.
pub(super) fn text<T>(
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> impl FnOnce(&Value<'_>, &mut Faults) -> Option<T> {
    move |value, faults| {
        let text = string(value, faults)?;
        judged(parse(&text), value, faults)
    }
}

/// true or false.
pub(super) fn boolean(value: &Value<'_>, faults: &mut Faults) -> Option<bool> {
    let read = value.get_ref().as_bool();
    if read.is_none() {
        faults.push(value, wrong_type(value, "true or false"));
    }
    read
}

/// A whole number from `least` to 2^63 - 1.
pub(super) fn integer(least: u64) -> impl FnOnce(&Value<'_>, &mut Faults) -> Option<u64> {
    move |value, faults| {
        let allowed = format!("a whole number from {least}");
        let Some(number) = value.get_ref().as_integer() else {
            faults.push(value, wrong_type(value, &allowed));
            return None;
        };
        let read =
            i64::from_str_radix(number.as_str(), number.radix()).ok().and_then(|n| u64::try_from(n).ok());
        let read = read
            .filter(|n| *n >= least)
            .ok_or_else(|| format!("{number} is out of range; allowed: {allowed}"));
        judged(read, value, faults)
    }
}

/// A length of time of at least `least`.
pub(super) fn duration(least: Duration) -> impl FnOnce(&Value<'_>, &mut Faults) -> Option<Duration> {
    move |value, faults| {
        let zero = if least.is_zero() { r#", or "0""# } else { "" };
        let allowed = format!("{}{zero}", duration::ALLOWED);
        if !value.get_ref().is_str() {
            faults.push(value, wrong_type(value, &allowed));
            return None;
        }
        text(|text| {
            let read = duration::parse(text).map_err(|wrong| format!("{wrong}; allowed: {allowed}"))?;
            let short = || format!("{text:?} is too short; allowed: at least {:?}", duration::format(least));
            if read < least { Err(short()) } else { Ok(read) }
        })(value, faults)
    }
}

/// A length of time, none for "0".
pub(super) fn limit(value: &Value<'_>, faults: &mut Faults) -> Option<Option<Duration>> {
    duration(Duration::ZERO)(value, faults).map(|d| Some(d).filter(|d| !d.is_zero()))
}

/// A length of time, none for "never".
pub(super) fn or_never(value: &Value<'_>, faults: &mut Faults) -> Option<Option<Duration>> {
    if value.get_ref().as_str() == Some("never") {
        return Some(None);
    }
    let mut wrong = Faults::default();
    let read = duration(Duration::ZERO)(value, &mut wrong);
    faults.take(wrong, r#", or "never""#);
    read.map(Some)
}

/// A size in bytes, as text with a unit or as a plain integer.
pub(super) fn size(value: &Value<'_>, faults: &mut Faults) -> Option<u64> {
    match value.get_ref() {
        DeValue::String(text) => judged(size::parse(text), value, faults),
        DeValue::Integer(_) => integer(0)(value, faults),
        DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => {
            faults.push(value, wrong_type(value, size::ALLOWED));
            None
        }
    }
}

/// A list, each element read by `convert`; every wrong element is complained about.
pub(super) fn list<T>(
    allowed: &str,
    convert: impl Fn(&Value<'_>, &mut Faults) -> Option<T>,
) -> impl FnOnce(&Value<'_>, &mut Faults) -> Option<Vec<T>> {
    move |value, faults| {
        let Some(array) = value.get_ref().as_array() else {
            faults.push(value, wrong_type(value, allowed));
            return None;
        };
        let elements: Vec<_> = array.iter().map(|element| convert(element, faults)).collect();
        elements.into_iter().collect()
    }
}

/// A list of texts that are not empty.
pub(super) fn strings(value: &Value<'_>, faults: &mut Faults) -> Option<Vec<String>> {
    let word = |value: &Value<'_>, faults: &mut Faults| {
        text(|text| {
            if text.is_empty() {
                Err("an entry is empty; allowed: texts of at least one character".to_owned())
            } else {
                Ok(text.to_owned())
            }
        })(value, faults)
    };
    list("a list of strings", word)(value, faults)
}

/// One of a few words.
pub(super) fn word<T: Copy>(words: &[(&str, T)]) -> impl FnOnce(&Value<'_>, &mut Faults) -> Option<T> {
    move |value, faults| {
        let names: Vec<_> = words.iter().map(|(name, _)| *name).collect();
        let text = word_text(&names, value, faults)?;
        let found = words.iter().find(|(name, _)| *name == text).map(|(_, word)| *word);
        judged(found.ok_or_else(|| unknown_word(&text, &names)), value, faults)
    }
}

/// One of a few words, the first of them the default; or, refused, one that only a later version serves.
pub(super) fn word_for_now(
    now: &[&str],
    later: &[&str],
) -> impl FnOnce(&Value<'_>, &mut Faults) -> Option<()> {
    move |value, faults| {
        let text = word_text(now, value, faults)?;
        let read = match text.as_str() {
            text if now.contains(&text) => Ok(()),
            text if later.contains(&text) => Err(not_yet(value, &quoted(&now[..1]))),
            text => Err(unknown_word(text, now)),
        };
        judged(read, value, faults)
    }
}

/// An absolute path without `..`. A value of another kind may be anything, a secret too: it is not repeated.
pub(super) fn path(value: &Value<'_>, faults: &mut Faults) -> Option<PathBuf> {
    path_text(absolute, value, faults)
}

/// An absolute path of a file, none for "". Where `look`, the file must be there and readable.
pub(super) fn file(look: bool) -> impl FnOnce(&Value<'_>, &mut Faults) -> Option<Option<PathBuf>> {
    move |value, faults| {
        let read = |text: &str| {
            if text.is_empty() {
                return Ok(None);
            }
            let path = absolute(text)?;
            if look {
                readable(&path)?;
            }
            Ok(Some(path))
        };
        path_text(read, value, faults)
    }
}

/// A key of a later version: only its default is allowed.
pub(super) fn only<'v, T: PartialEq>(
    default: &T,
    default_text: &str,
    convert: impl FnOnce(&Value<'v>, &mut Faults) -> Option<T>,
) -> impl FnOnce(&Value<'v>, &mut Faults) -> Option<()> {
    move |value, faults| {
        let read = convert(value, faults)?;
        judged(if read == *default { Ok(()) } else { Err(not_yet(value, default_text)) }, value, faults)
    }
}

fn judged<T>(read: Result<T, String>, value: &Value<'_>, faults: &mut Faults) -> Option<T> {
    read.map_err(|message| faults.push(value, message)).ok()
}

fn not_yet(value: &Value<'_>, default: &str) -> String {
    let written = match value.get_ref().as_str() {
        Some(text) => format!("{text:?}"),
        None => shown(value.get_ref()),
    };
    format!("{written} {}", not_yet_at(default))
}

fn not_yet_at(default: &str) -> String {
    format!("is not in this version yet; leave it at its default {default}")
}

/// Reads what stands where a path belongs.
fn path_text<T>(
    read: impl FnOnce(&str) -> Result<T, String>,
    value: &Value<'_>,
    faults: &mut Faults,
) -> Option<T> {
    let read = match value.get_ref().as_str() {
        Some(text) => read(text),
        None => {
            Err(format!("{} is the wrong type; allowed: a string, the path of a file", kind(value.get_ref())))
        }
    };
    judged(read, value, faults)
}

/// What stands where a path belongs, for a message: only what can be one.
fn shown_path(text: &str) -> String {
    if text.is_empty() || text.starts_with('/') {
        format!("{text:?}")
    } else {
        r#"the value (not shown: it does not begin with "/", and may be a secret)"#.to_owned()
    }
}

fn word_text(words: &[&str], value: &Value<'_>, faults: &mut Faults) -> Option<String> {
    if !value.get_ref().is_str() {
        faults.push(value, wrong_type(value, &quoted(words)));
        return None;
    }
    string(value, faults)
}

fn unknown_word(text: &str, words: &[&str]) -> String {
    format!("{text:?} is not known; allowed: {}", quoted(words))
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}

fn wrong_type(value: &Value<'_>, allowed: &str) -> String {
    format!("{} is the wrong type; allowed: {allowed}", shown(value.get_ref()))
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    let plain = path.components().all(|c| matches!(c, Component::RootDir | Component::Normal(_)));
    if path.is_absolute() && plain && !text.contains('\0') {
        Ok(path.to_owned())
    } else {
        let shown = shown_path(text);
        Err(format!(r#"{shown} is not an absolute path; allowed: a path from "/" without "..""#))
    }
}

fn readable(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| {
        let what = match error.kind() == std::io::ErrorKind::NotFound {
            true => "does not exist".to_owned(),
            false => format!("cannot be looked at ({error})"),
        };
        format!("{shown} {what}; allowed: a file that can be read")
    })?;
    if metadata.is_dir() {
        return Err(format!("{shown} is a directory; allowed: a file that can be read"));
    }
    nix::unistd::access(path, nix::unistd::AccessFlags::R_OK).map_err(|error| {
        format!("{shown} cannot be read ({}); allowed: a file that can be read", error.desc())
    })
}
