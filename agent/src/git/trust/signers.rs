//! Who may sign: the file of ssh-keygen(1), "ALLOWED SIGNERS". A line that cannot be read makes the whole file useless: nobody
//! could tell whom it was to allow.

use std::path::{Path, PathBuf};

use ssh_key::PublicKey;
use ssh_key::authorized_keys::ConfigOpts;
use ssh_key::public::KeyData;

use super::{NAMESPACE, time, told};

/// A file of signers that is longer is no such file, in bytes.
const LONGEST: u64 = 1 << 20;

/// Those who may sign.
#[derive(Clone, Debug)]
pub(in crate::git) struct Signers {
    path: PathBuf,
    all: Vec<Signer>,
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signer {
    /// Whose key it is, for people.
    principals: String,
    key: KeyData,
    /// Patterns; none: every namespace.
    namespaces: Option<String>,
    /// Seconds since 1970.
    valid_after: Option<i64>,
    valid_before: Option<i64>,
}

/// Why nobody may sign.
#[derive(Debug, thiserror::Error)]
pub(in crate::git) enum SignersError {
    #[error("{} cannot be read", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{} is longer than {LONGEST} bytes, which no file of signers is", path.display())]
    Long { path: PathBuf },
    #[error("{}:{number}: {reason}", path.display())]
    Line { path: PathBuf, number: usize, reason: String },
}

impl Signers {
    /// Reads the file.
    pub(in crate::git) fn read(path: &Path) -> Result<Self, SignersError> {
        let text = fs_err::metadata(path).and_then(|metadata| match metadata.len() {
            0..=LONGEST => fs_err::read_to_string(path).map(Some),
            _ => Ok(None),
        });
        let text = text.map_err(|source| SignersError::Read { path: path.to_owned(), source })?;
        let text = text.ok_or_else(|| SignersError::Long { path: path.to_owned() })?;
        let mut all = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let failed = |reason| SignersError::Line { path: path.to_owned(), number, reason };
            all.push(signer(line).map_err(failed)?);
        }
        Ok(Self { path: path.to_owned(), all })
    }

    /// Whether this key may sign a commit of this date.
    pub(super) fn allows(&self, key: &KeyData, date: Option<i64>) -> Result<(), String> {
        let mut reason = format!("is signed with {}, which is not in {}", told(key), self.path.display());
        for signer in self.all.iter().filter(|signer| signer.key == *key) {
            match signer.may_sign(date) {
                Ok(()) => return Ok(()),
                Err(why) => {
                    reason = format!("is signed with {} of {}, {why}", told(key), signer.principals);
                }
            }
        }
        Err(reason)
    }
}

impl Signer {
    fn may_sign(&self, date: Option<i64>) -> Result<(), String> {
        if let Some(patterns) = &self.namespaces
            && !matches_list(patterns, NAMESPACE)
        {
            return Err(format!("which may sign for {patterns:?} only"));
        }
        if self.valid_after.is_none() && self.valid_before.is_none() {
            return Ok(());
        }
        let Some(date) = date else {
            return Err("which is valid for a time, and the date of the commit cannot be read".to_owned());
        };
        let dated = time::told(date);
        match (self.valid_after, self.valid_before) {
            (Some(after), _) if date < after => {
                Err(format!("which is valid from {} on; the commit is of {dated}", time::told(after)))
            }
            (_, Some(before)) if date > before => {
                Err(format!("which was valid until {}; the commit is of {dated}", time::told(before)))
            }
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }
}

/// Reads `principals [options] type key [comment]`.
fn signer(line: &str) -> Result<Signer, String> {
    let (principals, rest) = principals(line).ok_or("there is no key after the principals")?;
    let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
    let (options, key) = match PublicKey::from_openssh(&rest) {
        Ok(key) => (None, key),
        Err(error) => {
            let (options, key) = rest.split_once(' ').ok_or_else(|| format!("no key: {error}"))?;
            let key = PublicKey::from_openssh(key).map_err(|error| format!("no key: {error}"))?;
            (
                Some(ConfigOpts::new(options).map_err(|error| format!("the options {options:?}: {error}"))?),
                key,
            )
        }
    };
    let mut signer = Signer {
        principals: principals.to_owned(),
        key: key.key_data().clone(),
        namespaces: None,
        valid_after: None,
        valid_before: None,
    };
    for option in options.iter().flat_map(ConfigOpts::iter) {
        signer.set(option)?;
    }
    match (signer.valid_after, signer.valid_before) {
        (Some(after), Some(before)) if after >= before => {
            Err("it ends to be valid before it begins".to_owned())
        }
        (Some(_) | None, Some(_) | None) => Ok(signer),
    }
}

impl Signer {
    fn set(&mut self, option: &str) -> Result<(), String> {
        let (name, value) =
            option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
        let value = value.map(|value| {
            value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'))
                .ok_or_else(|| format!("{option}: the value must be in quotation marks"))
        });
        let name = name.to_ascii_lowercase();
        match (name.as_str(), value.transpose()?) {
            ("namespaces", Some(patterns)) => self.namespaces = Some(patterns.to_owned()),
            ("valid-after", Some(moment)) => self.valid_after = Some(time::moment(moment)?),
            ("valid-before", Some(moment)) => self.valid_before = Some(time::moment(moment)?),
            ("cert-authority", _) => {
                return Err(
                    "cert-authority: signatures by certificates are not supported; name the keys themselves"
                        .to_owned(),
                );
            }
            (_, _) => {
                return Err(format!(
                    "{option}: unknown option; allowed: namespaces=\"…\", valid-after=\"…\", valid-before=\"…\""
                ));
            }
        }
        Ok(())
    }
}

/// The first word, which may be in quotation marks, and what is after it.
fn principals(line: &str) -> Option<(&str, &str)> {
    match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"'),
        None => line.split_once(char::is_whitespace),
    }
}

/// PATTERNS of ssh_config(5): a list with commas, of which none that begins with `!` may match and one other must.
fn matches_list(patterns: &str, text: &str) -> bool {
    let mut one_does = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(pattern.as_bytes(), text.as_bytes()) => return false,
            Some(_) => {}
            None => one_does |= matches(pattern.as_bytes(), text.as_bytes()),
        }
    }
    one_does
}

/// `*` is any number of characters, `?` is one.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|taken| matches(rest, &text[taken..])),
        (Some((b'?', rest)), Some((_, text))) => matches(rest, text),
        (Some((one, rest)), Some((other, text))) => one == other && matches(rest, text),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    #[test]
    fn each_form_of_a_line() {
        let plain = signer(&format!("ada@example.org {KEY}")).expect("a signer");
        assert_eq!((plain.principals.as_str(), &plain.namespaces), ("ada@example.org", &None));
        assert_eq!(signer(&format!("ada@example.org\t {KEY}  ada on her laptop")).as_ref(), Ok(&plain));
        let quoted = signer(&format!("\"ada@example.org, bob\" {KEY}")).expect("a signer");
        assert_eq!((quoted.principals.as_str(), &quoted.key), ("ada@example.org, bob", &plain.key));
        let options = "namespaces=\"git,file\",valid-after=\"20200101Z\",VALID-BEFORE=\"20300101Z\"";
        let limited = signer(&format!("*@example.org {options} {KEY} comment")).expect("a signer");
        assert_eq!(limited.namespaces.as_deref(), Some("git,file"));
        assert_eq!((limited.valid_after, limited.valid_before), (Some(1_577_836_800), Some(1_893_456_000)));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (line, why) in [
            ("ada@example.org", "there is no key"),
            ("ada@example.org ssh-ed25519", "no key"),
            ("ada@example.org ssh-ed25519 AAAA", "no key"),
            (
                &format!("a cert-authority {KEY}"),
                "cert-authority: signatures by certificates are not supported",
            ),
            (&format!("a cert-authority,namespaces=\"git\" {KEY}"), "cert-authority"),
            (&format!("a namespaces=git {KEY}"), "in quotation marks"),
            (&format!("a no-pty {KEY}"), "unknown option"),
            (&format!("a valid-before=\"tomorrow\" {KEY}"), "\"tomorrow\" is no moment"),
            (&format!("a valid-after=\"20300101Z\",valid-before=\"20200101Z\" {KEY}"), "before it begins"),
        ] {
            let error = signer(line).expect_err(line);
            assert!(error.contains(why), "{line}: {error}");
        }
    }

    #[test]
    fn a_file_names_its_bad_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("signers");
        std::fs::write(&path, format!("# those who may\n\nada {KEY}\nbob\n")).expect("written");
        let error = Signers::read(&path).expect_err("bob has no key").to_string();
        assert!(error.ends_with("signers:4: there is no key after the principals"), "{error}");
        std::fs::remove_file(&path).expect("it was there");
        assert!(matches!(Signers::read(&path), Err(SignersError::Read { .. })));
        std::fs::write(&path, vec![b'#'; 1 << 21]).expect("written");
        assert!(matches!(Signers::read(&path), Err(SignersError::Long { .. })));
    }

    #[test]
    fn patterns() {
        for (patterns, expected) in [
            ("git", true),
            ("file,git", true),
            ("g?t", true),
            ("*", true),
            ("file", false),
            ("*,!git", false),
            ("!file,*", true),
            ("!file", false),
            ("gi", false),
            ("gitt", false),
            ("", false),
        ] {
            assert_eq!(matches_list(patterns, "git"), expected, "{patterns}");
        }
    }
}
