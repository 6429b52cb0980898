//! From a file or a text to [`Settings`], with what the machine itself says put in.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use super::error::{ConfigErrors, Problem};
use super::facts::Facts;
use super::raw::Document;
use super::{ListenSettings, Settings, validate};

/// A configuration is a page of text; anything larger is the wrong file.
const LARGEST: u64 = 1 << 20;

/// Reads a configuration.
///
/// # Errors
/// Every problem of the text, not only the first.
pub fn parse(text: &str, facts: &Facts) -> Result<Settings, ConfigErrors> {
    judge(text, |root| validate::settings(root, facts), true)
}

/// Reads a configuration file, with the facts of this machine.
///
/// # Errors
/// Every problem of the file, not only the first.
pub fn load(path: &Path) -> Result<Settings, ConfigErrors> {
    load_with(path, &Facts::read())
}

/// Reads a configuration file, with facts that the caller knows.
///
/// # Errors
/// Every problem of the file, not only the first.
pub fn load_with(path: &Path, facts: &Facts) -> Result<Settings, ConfigErrors> {
    let text = read(path)?;
    parse(&text, facts).map_err(|errors| ConfigErrors { path: Some(path.to_owned()), ..errors })
}

/// Reads what the listener needs: `host`, `[nudge]` and `[state]`. Everything else only has to be TOML.
///
/// # Errors
/// Every problem of these parts, not only the first.
pub fn load_for_listen(path: &Path) -> Result<ListenSettings, ConfigErrors> {
    let text = read(path)?;
    parse_for_listen(&text, &Facts::read())
        .map_err(|errors| ConfigErrors { path: Some(path.to_owned()), ..errors })
}

/// Like [`load_for_listen`], of a text.
///
/// # Errors
/// Every problem of these parts, not only the first.
pub fn parse_for_listen(text: &str, facts: &Facts) -> Result<ListenSettings, ConfigErrors> {
    let read = |root: &mut super::raw::Section<'_>| {
        let host = validate::host(root, facts);
        let nudge = validate::nudge(root.section("nudge"), &mut Vec::new());
        let state = validate::state(root.section("state"));
        ListenSettings { host, nudge, socket: state.socket, group: state.group }
    };
    judge(text, read, false)
}

/// `pull-agent check-config [FILE]`: exit code 0 or 1.
#[must_use]
pub fn check_config_main(path: &Path) -> ExitCode {
    // Nobody is left to be told when not even stderr can be written.
    check_config(path, &Facts::read()).unwrap_or(ExitCode::FAILURE)
}

/// Writes each problem and warning as `FILE:LINE: key: sentence` to stderr, and `FILE: ok` to stdout where there is no
/// problem.
///
/// # Errors
/// Standard output or error could not be written.
pub fn check_config(path: &Path, facts: &Facts) -> std::io::Result<ExitCode> {
    let mut stderr = std::io::stderr().lock();
    match load_with(path, facts) {
        Ok(settings) => {
            for warning in &settings.warnings {
                writeln!(stderr, "{}: warning: {warning}", path.display())?;
            }
            writeln!(std::io::stdout().lock(), "{}: ok", path.display())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(errors) => {
            for line in errors.lines() {
                writeln!(stderr, "{line}")?;
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

fn judge<T>(
    text: &str,
    read: impl FnOnce(&mut super::raw::Section<'_>) -> T,
    whole: bool,
) -> Result<T, ConfigErrors> {
    let failed = |problems| Err(ConfigErrors { path: None, problems });
    let (document, table) = Document::parse(text);
    let syntax = document.problems();
    if !syntax.is_empty() {
        return failed(syntax);
    }
    let mut root = document.root(&table);
    let value = read(&mut root);
    if whole {
        root.finish();
    }
    match document.problems() {
        problems if problems.is_empty() => Ok(value),
        problems => failed(problems),
    }
}

fn read(path: &Path) -> Result<String, ConfigErrors> {
    let failed = |message: String| {
        let problem = Problem { key: String::new(), line: None, message };
        ConfigErrors { path: Some(path.to_owned()), problems: vec![problem] }
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    file.take(LARGEST + 1)
        .read_to_string(&mut text)
        .map_err(|error| failed(format!("cannot be read: {error}")))?;
    if text.len() as u64 > LARGEST {
        return Err(failed("larger than 1 MiB, so this is no configuration".to_owned()));
    }
    Ok(text)
}
