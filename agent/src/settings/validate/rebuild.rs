//! `[rebuild]` and `[system]`: how `nixos-rebuild` is run, and where the host keeps what runs.

use std::path::PathBuf;
use std::time::Duration;

use crate::settings::facts::Facts;
use crate::settings::raw::Section;
use crate::settings::{Rebuild, Runner, System, convert};

/// Reads `[rebuild]`.
pub(super) fn rebuild(mut section: Section<'_>, facts: &Facts) -> Rebuild {
    section.read("operation", (), convert::word_for_now(&["switch"], &["boot"]));
    let runners = [("auto", None), ("systemd", Some(Runner::Systemd)), ("process", Some(Runner::Process))];
    let runner = section.read("runner", None, convert::word(&runners));
    let auto = if facts.systemd { Runner::Systemd } else { Runner::Process };
    let rebuild = Rebuild {
        command: section.read("command", vec!["nixos-rebuild".to_owned()], convert::strings),
        extra_args: section.read("extra_args", Vec::new(), convert::strings),
        runner: runner.unwrap_or(auto),
        build_timeout: section.read("build_timeout", None, convert::limit),
        stall_timeout: section.read("stall_timeout", Some(Duration::from_secs(3600)), convert::limit),
        min_free: section.read("min_free", 2 << 30, convert::size),
        properties: section.read("properties", Vec::new(), |value, faults| {
            convert::list("a list of \"NAME=VALUE\"", |value, faults| convert::text(property)(value, faults))(
                value, faults,
            )
        }),
    };
    match rebuild.command.first() {
        None => section.problem("command", "empty; allowed: a program and its first arguments".to_owned()),
        Some(program) if program.contains('/') && !program.starts_with('/') => {
            let message =
                format!("{program:?} is a relative path; allowed: a name on PATH, or an absolute path");
            section.problem("command", message);
        }
        Some(_) => {}
    }
    section.finish();
    rebuild
}

/// Reads `[system]`.
pub(super) fn system(mut section: Section<'_>) -> System {
    let system = System {
        current: section.read("current", PathBuf::from("/run/current-system"), convert::path),
        booted: section.read("booted", PathBuf::from("/run/booted-system"), convert::path),
        profile: section.read("profile", PathBuf::from("/nix/var/nix/profiles/system"), convert::path),
    };
    section.finish();
    system
}

/// An assignment as `systemd-run --property=` takes it.
fn property(text: &str) -> Result<String, String> {
    let name = text.split_once('=').map(|(name, _)| name).unwrap_or_default();
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric());
    if named && !text.contains(|c: char| c.is_control()) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is no property; allowed: \"NAME=VALUE\" of systemd.resource-control(5), like \"MemoryHigh=4G\""
        ))
    }
}
