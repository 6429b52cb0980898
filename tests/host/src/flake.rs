//! The git repository that hosts follow: the flake of `flake/`, with one data file a host. A commit changes a host.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::command::{self, CommandError, Output};
use crate::lab;

const GIT: Duration = Duration::from_secs(60);

/// What a host's system is made of; its fields are those of `flake/system.nix`, where each is explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct System {
    name: String,
    system: String,
    /// What `nixos-version` says.
    pub version: String,
    /// Another kernel than the booted one's is what makes a reboot worth while.
    pub kernel: String,
    /// Another one than the running system's: the switch exits with 100.
    pub init_interface: String,
    /// A key whose value changes stops a switch with exit code 1.
    pub inhibitors: BTreeMap<String, String>,
    /// Units by name.
    pub units: BTreeMap<String, Unit>,
    /// A text with which the evaluation fails.
    pub evaluation: Option<String>,
    /// Shell text of the builder.
    pub build: String,
    /// Shell text of builders of what the system needs, by name.
    pub dependencies: BTreeMap<String, String>,
    /// Shell text of the boot loader's script.
    pub bootloader: String,
    /// Shell text of the activation script.
    pub activation: String,
    /// Shell text that a switch runs.
    pub switch: Moments,
}

/// A unit of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// The unit file.
    pub text: String,
    /// The units that want it.
    pub wanted_by: Vec<String>,
}

/// Shell text that a switch runs; one that fails ends the switch with its exit code at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Moments {
    /// Lock held, checks passed, nothing stopped.
    pub before: String,
    /// `/run/current-system` is the new one, nothing started.
    pub between: String,
    /// All started, nothing judged.
    pub after: String,
}

impl System {
    /// A system without units of its own.
    #[must_use]
    pub fn new(host: &str) -> Self {
        Self {
            name: host.to_owned(),
            system: format!("{}-linux", std::env::consts::ARCH),
            version: "25.11.20251101.0000000".into(),
            kernel: "6.12.1".into(),
            init_interface: "2".into(),
            inhibitors: BTreeMap::new(),
            units: BTreeMap::new(),
            evaluation: None,
            build: String::new(),
            dependencies: BTreeMap::new(),
            bootloader: String::new(),
            activation: String::new(),
            switch: Moments::default(),
        }
    }

    /// Adds (or replaces) a unit that `multi-user.target` wants.
    #[must_use]
    pub fn unit(mut self, name: &str, text: &str) -> Self {
        let wanted_by = vec!["multi-user.target".to_owned()];
        self.units.insert(name.to_owned(), Unit { text: text.to_owned(), wanted_by });
        self
    }

    /// Adds a unit that starts nothing by itself.
    #[must_use]
    pub fn unwanted_unit(mut self, name: &str, text: &str) -> Self {
        self.units.insert(name.to_owned(), Unit { text: text.to_owned(), wanted_by: Vec::new() });
        self
    }
}

/// A git repository with the hosts' flake on branch `main`, on this machine's disk.
#[derive(Debug)]
pub struct FlakeRepository {
    directory: PathBuf,
}

/// The repository could not be written or git refused.
#[derive(Debug, thiserror::Error)]
pub enum FlakeError {
    /// A file could not be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
    /// The data of a host is no JSON; never seen.
    #[error("cannot write the data of a host as JSON")]
    Data(#[from] serde_json::Error),
    /// git failed.
    #[error(transparent)]
    Git(#[from] CommandError),
}

impl FlakeRepository {
    /// A new repository in `directory` (made where it is missing), with a first commit that has no host yet.
    ///
    /// # Errors
    /// Where files cannot be written or git fails.
    pub fn create(directory: &Path) -> Result<Self, FlakeError> {
        let repository = Self { directory: directory.to_owned() };
        copy_tree(&lab::part("flake"), directory)?;
        repository.git(&["init", "--quiet", "--initial-branch=main"])?;
        repository.commit("hosts: flake")?;
        Ok(repository)
    }

    /// Where it is on this machine.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Commits this as the system of its host; returns the commit. The same system again makes an empty commit.
    ///
    /// # Errors
    /// Where files cannot be written or git fails.
    pub fn commit_system(&self, system: &System) -> Result<String, FlakeError> {
        let file = format!("hosts/{}.json", system.name);
        self.commit_file(&file, &serde_json::to_string_pretty(system)?)
    }

    /// Commits any file; returns the commit.
    ///
    /// # Errors
    /// As [`FlakeRepository::commit_system`].
    pub fn commit_file(&self, file: &str, content: &str) -> Result<String, FlakeError> {
        let path = self.directory.join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)
                .map_err(|source| FlakeError::Write { path: parent.to_owned(), source })?;
        }
        fs::write(&path, content).map_err(|source| FlakeError::Write { path, source })?;
        self.commit(&format!("{file}: changed"))
    }

    /// Runs git in the repository; returns what it printed.
    ///
    /// # Errors
    /// Where git fails.
    pub fn git(&self, words: &[&str]) -> Result<String, CommandError> {
        let mut git = Command::new("git");
        git.arg("-C").arg(&self.directory).args(words);
        // Nobody's own configuration: no signing, no hooks, no other names.
        git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "poby").env(format!("GIT_{role}_EMAIL"), "poby@example.org");
        }
        command::run(git, b"", GIT).and_then(Output::ok)
    }

    /// The reference with which a host builds this revision, the repository being at `inside` there.
    #[must_use]
    pub fn reference(inside: &str, revision: &str, host: &str) -> String {
        format!("git+file://{inside}?ref=refs/heads/main&rev={revision}&shallow=1#{host}")
    }

    fn commit(&self, message: &str) -> Result<String, FlakeError> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message])?;
        Ok(self.git(&["rev-parse", "HEAD"])?)
    }
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), FlakeError> {
    let failed = |source| FlakeError::Write { path: to.to_owned(), source };
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(failed)?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).map_err(failed)?;
        }
    }
    Ok(())
}
