//! The driver against the stand-in of the forge: every rule, and every way in which a forge misbehaves.

mod access;
mod actions;
mod app;
mod conditional;
mod faults;
mod head;
mod limits;
mod pages;
mod pulls;
mod redirects;
mod suites;
mod verdicts;

use std::path::PathBuf;
use std::time::Duration;

use pull_agent_core::{Revision, Verdict, VerdictKind};
use pull_agent_forge::Forge;

use super::{Bounds, Checks, SharedStats};
use crate::settings::{Accept, GateApi, GithubGate};

const REPOSITORY: &str = "poby/infra";
const SHA: &str = "3f2a91c0000000000000000000000000000000aa";
const CHECK: &str = "build (yggdrasil)";

/// A forge, and a place for files.
struct Lab {
    forge: Forge,
    files: tempfile::TempDir,
}

impl Lab {
    async fn new() -> Self {
        let forge = Forge::start().await.expect("a port");
        Self { forge, files: tempfile::tempdir().expect("a temporary directory") }
    }

    /// Settings that name one check.
    fn gate(&self) -> GithubGate {
        GithubGate {
            api_url: self.forge.url(),
            repository: REPOSITORY.to_owned(),
            branch: "main".to_owned(),
            checks: vec![CHECK.to_owned()],
            app_id: Some(pull_agent_forge::GITHUB_ACTIONS),
            accept: Accept::Commit,
            api: GateApi::Auto,
            app: None,
            newest_green_after: None,
            max_age: Duration::from_secs(600),
            timeout: Duration::from_secs(7200),
            token_file: None,
            ca_file: None,
        }
    }

    fn set(&self, name: &str, status: &str, conclusion: Option<&str>) -> u64 {
        self.forge.set_check(REPOSITORY, SHA, name, status, conclusion)
    }

    fn green(&self) {
        self.set(CHECK, "completed", Some("success"));
    }

    /// Writes a file and returns where it is.
    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    }

    /// Asks once, with these settings.
    async fn ask(&self, gate: &GithubGate) -> Verdict {
        checks(gate).ask(&revision()).await.verdict
    }
}

fn revision() -> Revision {
    Revision::parse(SHA).expect("an id")
}

fn checks(gate: &GithubGate) -> Checks {
    Checks::new(gate).expect("good settings")
}

/// With less patience than the daemon has.
fn impatient(gate: &GithubGate) -> Checks {
    let bounds = Bounds { total: Duration::from_secs(2), ..Bounds::default() };
    Checks::bounded(gate, bounds, SharedStats::default()).expect("good settings")
}

/// The verdict is this one and its sentence holds these words.
#[track_caller]
fn expect(verdict: &Verdict, kind: VerdictKind, words: &[&str]) {
    assert_eq!(verdict.kind, kind, "{verdict:?}");
    for word in words {
        assert!(verdict.detail.contains(word), "{word:?} is not in {:?}", verdict.detail);
    }
    assert_eq!(verdict.evidence.is_some(), kind == VerdictKind::Green, "{verdict:?}");
}
