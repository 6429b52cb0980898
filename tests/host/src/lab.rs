//! The machine's part: packages, the hosts' root file system, the scripts that run hosts. Done once a process.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::Bridge;
use crate::command::{self, CommandError, Output};
use crate::rebuild::{self, NixosRebuild};

/// A first set-up installs packages and builds a root from a package mirror: minutes on a slow line.
const SET_UP: Duration = Duration::from_secs(20 * 60);
/// Longer than any deadline inside of the script, which says more when it ends than we do when we kill it.
const SCRIPT: Duration = Duration::from_secs(180);

/// The machine, set up to run hosts.
#[derive(Debug)]
pub struct Lab {
    nixos_rebuild: NixosRebuild,
}

/// The machine cannot run hosts, or a host did not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Namespaces, mounts and packages need root.
    #[error("not started as root")]
    NotRoot,
    /// The set-up failed: no package mirror, no Debian, no room.
    #[error("the set-up failed")]
    SetUp(#[source] CommandError),
    /// A `nixos-rebuild` on PATH could not be brought into a host.
    #[error("cannot bring {program} into a host")]
    NixosRebuild {
        /// Its path on this machine.
        program: PathBuf,
        /// How it ended.
        #[source]
        source: CommandError,
    },
    /// A command on or in a host failed.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl Lab {
    /// The lab, set up at the first call; `None` where this machine cannot have one: then the reason is printed and the
    /// test is left out.
    ///
    /// # Panics
    /// With `CI=true` in the environment: there a layer that is left out is a failure.
    pub fn ready() -> Option<&'static Self> {
        static LAB: OnceLock<Result<Lab, String>> = OnceLock::new();
        let lab = LAB.get_or_init(|| Self::set_up().map_err(|error| left_out(&error)));
        match lab {
            Ok(lab) => Some(lab),
            Err(reason) => {
                assert!(
                    std::env::var("CI").as_deref() != Ok("true"),
                    "host tests cannot run here ({reason}), and with CI=true none may be left out"
                );
                None
            }
        }
    }

    fn set_up() -> Result<Self, LabError> {
        if !nix::unistd::geteuid().is_root() {
            return Err(LabError::NotRoot);
        }
        command::run(Command::new(script("setup.sh")), b"", SET_UP)
            .and_then(Output::ok)
            .map_err(LabError::SetUp)?;
        // Hosts of a test run that was killed.
        let lab = Self { nixos_rebuild: rebuild::find() };
        lab.host_script(&["sweep"])?.ok()?;
        Ok(lab)
    }

    /// The place on the hosts' network where servers of tests listen.
    #[must_use]
    pub fn bridge(&self) -> Bridge {
        Bridge
    }

    pub(crate) fn nixos_rebuild(&self) -> &NixosRebuild {
        &self.nixos_rebuild
    }

    /// Runs `host.sh` with these words.
    pub(crate) fn host_script(&self, words: &[&str]) -> Result<Output, CommandError> {
        let mut command = host_script();
        command.args(words);
        command::run(command, b"", SCRIPT)
    }
}

/// `host.sh` as a command; hosts that it brings up belong to this process.
pub(crate) fn host_script() -> Command {
    let mut command = Command::new(script("host.sh"));
    if !keeps_hosts() {
        command.env("PULL_AGENT_LAB_OWNER", std::process::id().to_string());
    }
    command
}

/// Whether hosts stay when their test ends, to look at what it left behind.
pub(crate) fn keeps_hosts() -> bool {
    std::env::var_os("PULL_AGENT_LAB_KEEP").is_some()
}

/// A directory or file of this crate.
pub(crate) fn part(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn script(name: &str) -> PathBuf {
    part("lab").join(name)
}

/// Says once, past the test runner's capture, which layer is left out; returns why.
fn left_out(error: &LabError) -> String {
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    let line = format!("left out: tests on hosts with real systemd and Nix ({reason})\n");
    // Where nobody reads stderr there is nobody to tell.
    drop(std::io::stderr().write_all(line.as_bytes()));
    reason
}
