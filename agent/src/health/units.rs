//! Failed units, as `systemctl list-units --output=json` lists them (systemd ≥ 246).

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;

use crate::process::Environment;
use crate::systemd::{BUILD_UNIT, NIXOS_SWITCH_UNIT, ROLLBACK_UNIT, SWITCH_UNIT, SystemdError, systemctl};

/// systemd answers within milliseconds, but not while it executes itself anew in the middle of a switch.
const ANSWER: Duration = Duration::from_secs(30);

/// `auto-restart` and, since systemd 254, `auto-restart-queued`: it failed and is about to be started again. A unit that is
/// just starting is no failure: a backup that is `activating` for hours is well.
const STATES: &str = "--state=failed,auto-restart,auto-restart-queued";

/// Units whose end is told by their exit code; a rollback must not be judged by the switch that made it necessary.
const OWN: [&str; 4] = [BUILD_UNIT, SWITCH_UNIT, ROLLBACK_UNIT, NIXOS_SWITCH_UNIT];

/// So many units are named in the sentences.
const NAMED: usize = 10;

/// Why the units could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum UnitsError {
    /// systemctl gave no answer, or failed.
    #[error(transparent)]
    Systemd(#[from] SystemdError),
    /// It answered with something else than a list of units.
    #[error("systemctl printed no list of units: {0}")]
    Format(serde_json::Error),
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Unit {
    unit: String,
    active: String,
}

/// Returns the names of the units that are failed now, sorted.
pub(super) async fn failed(environment: &Environment) -> Result<Vec<String>, UnitsError> {
    let list = ["list-units", "--no-pager", "--full", "--all", STATES, "--output=json"];
    let units = parse(&systemctl(environment, ANSWER, &list).await?)?;
    let (failed, waiting): (Vec<_>, Vec<_>) = units.into_iter().partition(|unit| unit.active == "failed");
    let mut names: BTreeSet<String> = failed.into_iter().map(|unit| unit.unit).collect();
    if !waiting.is_empty() {
        // A service that ends well and is always started again waits for that in the same state.
        let mut show = vec!["show", "--property=Id,Result", "--"];
        show.extend(waiting.iter().map(|unit| unit.unit.as_str()));
        names.extend(unsuccessful(&String::from_utf8_lossy(&systemctl(environment, ANSWER, &show).await?)));
    }
    Ok(names.into_iter().collect())
}

fn parse(text: &[u8]) -> Result<Vec<Unit>, UnitsError> {
    serde_json::from_slice(text).map_err(UnitsError::Format)
}

/// Reads `systemctl show`: a block of `NAME=VALUE` for each unit, an empty line between them. Returns the names of those
/// whose last run did not end well.
fn unsuccessful(text: &str) -> Vec<String> {
    let value = |block: &str, name: &str| {
        block.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
    };
    let blocks = text.split("\n\n");
    blocks
        .filter(|block| value(block, "Result").as_deref() != Some("success"))
        .filter_map(|block| value(block, "Id"))
        .collect()
}

/// Returns a sentence for each unit that is failed, was not before, and counts.
pub(super) fn sentences(now: &[String], before: &[String], ignored: &[String]) -> Vec<String> {
    let counts =
        |name: &&String| !before.contains(name) && !ignored.contains(name) && !OWN.contains(&name.as_str());
    let new: Vec<_> = now.iter().filter(counts).collect();
    let mut sentences: Vec<_> = new.iter().take(NAMED).map(|name| format!("unit {name} is failed")).collect();
    if new.len() > NAMED {
        sentences.push(format!("{} more units are failed", new.len() - NAMED));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn systemd_lists_units_as_json() {
        let text = br#"[{"unit":"b.service","load":"loaded","active":"failed","sub":"failed","description":"B"},{"unit":"a.service","load":"loaded","active":"activating","sub":"auto-restart","description":"A"}]"#;
        let unit = |unit: &str, active: &str| Unit { unit: unit.to_owned(), active: active.to_owned() };
        let units = [unit("b.service", "failed"), unit("a.service", "activating")];
        assert_eq!(parse(text).expect("a list"), units);
        assert_eq!(parse(b"[]\n").expect("a list"), []);
        assert!(parse(b"UNIT LOAD\n").is_err());
    }

    #[test]
    fn a_unit_that_ended_well_and_is_started_again_is_not_failed() {
        let text = "Result=success\nId=loop.service\n\nResult=exit-code\nId=sick.service\n\nId=odd.service\n";
        assert_eq!(unsuccessful(text), ["sick.service", "odd.service"]);
    }

    #[test]
    fn only_what_is_new_counts() {
        let now = names(&["a.service", "b.service", "c.service", "pull-agent-switch.service"]);
        assert_eq!(
            sentences(&now, &names(&["a.service"]), &names(&["b.service"])),
            ["unit c.service is failed"]
        );
        assert_eq!(sentences(&now, &now, &[]), Vec::<String>::new());
    }

    #[test]
    fn not_every_one_of_many_is_named() {
        let now: Vec<_> = (0..15).map(|number| format!("u{number}.service")).collect();
        let sentences = sentences(&now, &[], &[]);
        assert_eq!(
            (sentences.len(), sentences.last().map(String::as_str)),
            (11, Some("5 more units are failed"))
        );
    }
}
