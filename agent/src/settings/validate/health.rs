//! `[health]`: when a host counts as healthy after a switch.

use std::time::Duration;

use crate::settings::raw::Section;
use crate::settings::{Health, OnFailure, convert, duration};

/// Reads the section; `{host}` is put into the commands.
pub(super) fn health(mut section: Section<'_>, host: &str) -> Health {
    let words = [("rollback", OnFailure::Rollback), ("report", OnFailure::Report)];
    let least = Duration::from_secs(1);
    let mut health = Health {
        deadline: section.read("deadline", Duration::from_secs(120), convert::duration(least)),
        settle: section.read("settle", Duration::from_secs(10), convert::duration(Duration::ZERO)),
        on_failure: section.read("on_failure", OnFailure::Rollback, convert::word(&words)),
        units: section.read("units", true, convert::boolean),
        ignore_units: section.read("ignore_units", Vec::new(), convert::strings),
        source: section.read("source", true, convert::boolean),
        commands: section.read("commands", Vec::new(), |value, faults| {
            let allowed = "a list of lists, each a program and its arguments";
            let commands: Vec<Vec<String>> = convert::list(allowed, |value, faults| {
                let words = convert::strings(value, faults)?;
                if words.is_empty() {
                    faults.push(value, "a command is empty; allowed: a program and its arguments".to_owned());
                }
                Some(words)
            })(value, faults)?;
            let put = |words: Vec<String>| words.iter().map(|word| word.replace("{host}", host)).collect();
            Some(commands.into_iter().map(put).collect())
        }),
    };
    if !section.has("settle") {
        health.settle = health.settle.min(health.deadline / 2);
    }
    if health.settle >= health.deadline {
        let (settle, deadline) = (duration::format(health.settle), duration::format(health.deadline));
        section.problem(
            "settle",
            format!(
                "settle {settle:?} is not shorter than deadline {deadline:?}; allowed: settle < deadline"
            ),
        );
    }
    section.finish();
    health
}
