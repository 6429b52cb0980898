//! What the next start finds, whatever happened to the files before it.

mod files;
mod holds;
mod power;
mod save;

use std::path::Path;
use std::sync::Arc;

use pull_agent_core::{
    Branch, Candidate, Cause, Deployed, DeploymentId, Durations, Hold, Ledger, Millis, Outlives, ReasonCode,
    Record, Revision, Saved, SystemPath, Tries, Wall,
};
use pull_agent_protocol::{Outcome, Trigger};
use tempfile::TempDir;

use super::Store;

/// A state directory with a log directory in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn open(&self) -> (Store, Saved, Vec<String>) {
        Store::open(self.path(), &self.path().join("log")).expect("it opens")
    }

    /// Saves with a store that is then gone.
    fn save(&self, saved: &Saved) {
        self.open().0.save(saved, Outlives::Power).expect("it is saved");
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("it is there")
    }

    fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.text(name)).expect("it is JSON")
    }

    /// Changes a file by hand.
    fn change(&self, name: &str, change: impl FnOnce(&mut serde_json::Value)) {
        let mut document = self.json(name);
        change(&mut document);
        self.write(name, document.to_string());
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.path().join(name)).expect("it is there");
    }

    /// Names of the files that begin like this.
    fn names(&self, beginning: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).expect("a folder").flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with(beginning)).collect()
    }
}

fn revision(digit: char) -> Revision {
    Revision::parse(&digit.to_string().repeat(40)).expect("a hexadecimal digit")
}

fn hold(digit: char) -> Hold {
    Hold {
        revision: revision(digit),
        reason: "failed: why".to_owned(),
        code: Some(ReasonCode::BuildFailed),
        since: Wall(5),
    }
}

fn holds(digits: &str) -> Vec<Hold> {
    digits.chars().map(hold).collect()
}

fn held(saved: &Saved) -> String {
    saved.ledger.held.iter().filter_map(|hold| hold.revision.as_str().chars().next()).collect()
}

fn record(id: u64, digit: char, outcome: Outcome) -> Record {
    Record {
        id: DeploymentId(id),
        revision: revision(digit),
        subject: "subject".to_owned(),
        trigger: Trigger::Nudge,
        started_at: Wall(id * 1000),
        finished_at: Wall(id * 1000 + 500),
        durations: Durations { gate: Some(Millis(1)), ..Durations::default() },
        outcome,
        phase: None,
        cause: Some(Cause::told(ReasonCode::ActivationFailed, "why")),
        previous: None,
        system: Some(SystemPath::new("/nix/store/a")),
    }
}

/// Revision a is deployed, b was rolled back and is held, and c is the tip and failed in ways that may pass.
fn usual() -> Saved {
    Saved {
        ledger: Ledger {
            next_deployment: 3,
            next_step: 7,
            deployed: Some(Deployed {
                revision: revision('a'),
                system: SystemPath::new("/nix/store/a"),
                at: Wall(4),
                compared: true,
            }),
            held: holds("b"),
            history: Arc::new(vec![record(1, 'a', Outcome::Deployed), record(2, 'b', Outcome::RolledBack)]),
            ..Ledger::default()
        },
        branch: Branch { tip: Some(failing('c', Tries { transient: 1, hard: 1 })), ..Branch::default() },
        deployment: None,
    }
}

/// The same with other holds.
fn holding(digits: &str) -> Saved {
    let mut saved = usual();
    saved.ledger.held = holds(digits);
    saved
}

/// A tip that failed so often.
fn failing(digit: char, tries: Tries) -> Candidate {
    let mut candidate = Candidate::new(revision(digit), Trigger::Poll, Wall(6));
    candidate.tries = tries;
    candidate
}
