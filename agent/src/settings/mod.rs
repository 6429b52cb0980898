//! The configuration, validated: what the file of `docs/configuration.md` means. Never holds a secret, only paths of them.

mod convert;
mod error;
mod facts;
mod load;
mod raw;
pub mod size;
#[cfg(test)]
mod tests;
mod validate;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use pull_agent_text::duration;

pub use error::{ConfigErrors, Problem};
pub use facts::Facts;
pub use load::{check_config, check_config_main, load, load_for_listen, load_with, parse, parse_for_listen};

/// Everything of the file, checked, with `{host}` put in and defaults filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Flake attribute of this host.
    pub host: String,
    /// `[source]`
    pub source: Source,
    /// `[gate]`
    pub gate: GateSource,
    /// `[trust]`; none: no signatures are wanted.
    pub trust: Option<Trust>,
    /// `[rebuild]`
    pub rebuild: Rebuild,
    /// `[system]`
    pub system: System,
    /// `[health]`
    pub health: Health,
    /// `[nudge]`
    pub nudge: Nudge,
    /// `[state]`
    pub state: StateSettings,
    /// What is allowed but worth a word, for the status: plain http, unproven evidence, no checks …
    pub warnings: Vec<String>,
}

/// Where the flake comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As written: `https://`, `http://`, `ssh://`, `user@host:path`, `file://` or an absolute path. Never with a password.
    pub url: String,
    /// Short name of the branch.
    pub branch: String,
    /// Folder of `flake.nix` within the repository, "." for its root.
    pub directory: String,
    /// Between two polls.
    pub poll_interval: Duration,
    /// Total time of one fetch.
    pub timeout: Duration,
    /// Password for user `x-access-token`, over http(s).
    pub token_file: Option<PathBuf>,
    /// Private key for ssh.
    pub ssh_key_file: Option<PathBuf>,
    /// The only place that host keys come from.
    pub known_hosts_file: Option<PathBuf>,
    /// Extra trust anchors, PEM.
    pub ca_file: Option<PathBuf>,
}

/// What proves a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateSource {
    /// Every commit counts as green.
    None,
    /// Check runs of GitHub, or of a forge that speaks its API.
    Github(Box<GithubGate>),
}

/// Whose signatures a revision must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// Those who may sign, as in ssh-keygen(1), "ALLOWED SIGNERS".
    pub allowed_signers_file: PathBuf,
    /// Whether each commit since the deployed one must be signed, and not the tip alone.
    pub every_commit: bool,
}

/// How GitHub is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GithubGate {
    /// Root of the REST API, without a slash at its end.
    pub api_url: String,
    /// `owner/name`.
    pub repository: String,
    /// The followed branch: a pull request counts when it was merged into it.
    pub branch: String,
    /// Names of the check runs that must each be there and be `success`.
    pub checks: Vec<String>,
    /// Only check runs made by this app; none = any.
    pub app_id: Option<u64>,
    /// How far evidence may be from the commit itself.
    pub accept: Accept,
    /// Where check runs are read.
    pub api: GateApi,
    /// So long a tip that is not green may keep an older green commit waiting; none: without end.
    pub newest_green_after: Option<Duration>,
    /// A verdict older than this is asked for again before an activation.
    pub max_age: Duration,
    /// After so long without a green verdict the forge is asked more rarely, and status says so.
    pub timeout: Duration,
    /// File with a bearer token; none: the forge is asked without one.
    pub token_file: Option<PathBuf>,
    /// A GitHub App, instead of a token.
    pub app: Option<GithubApp>,
    /// Extra trust anchors, PEM; the same as for the source.
    pub ca_file: Option<PathBuf>,
}

/// An installation of a GitHub App.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GithubApp {
    /// Number of the App.
    pub id: u64,
    /// Number of its installation on the repository's owner.
    pub installation_id: u64,
    /// RSA key in PEM.
    pub private_key_file: PathBuf,
}

/// Which of GitHub's APIs is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateApi {
    /// That of check runs; where the token cannot read it, that of GitHub Actions.
    Auto,
    /// That of check runs.
    Checks,
    /// That of GitHub Actions.
    Actions,
}

/// Which evidence counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// Checks of the commit itself.
    Commit,
    /// Also of its pull request, if provably the same tree.
    Proven,
    /// Also of its pull request, unproven.
    Merged,
}

/// How `nixos-rebuild` is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuild {
    /// Program and first arguments.
    pub command: Vec<String>,
    /// Added at the end of build and switch.
    pub extra_args: Vec<String>,
    /// How the step process is started.
    pub runner: Runner,
    /// None = no limit.
    pub build_timeout: Option<Duration>,
    /// No output for so long = failed; none = no limit.
    pub stall_timeout: Option<Duration>,
    /// Bytes that must be free on the file system of /nix.
    pub min_free: u64,
    /// `NAME=VALUE` systemd properties of the build unit.
    pub properties: Vec<String>,
}

/// How the step process is started; "auto" is decided already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runner {
    /// A transient unit.
    Systemd,
    /// A process in its own session.
    Process,
}

/// Where the host keeps what runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// `/run/current-system`
    pub current: PathBuf,
    /// `/run/booted-system`
    pub booted: PathBuf,
    /// `/nix/var/nix/profiles/system`
    pub profile: PathBuf,
}

/// When a host counts as healthy after a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// From the end of the switch until all probes have passed.
    pub deadline: Duration,
    /// From the end of the switch until the first look.
    pub settle: Duration,
    /// What follows when they have not.
    pub on_failure: OnFailure,
    /// No unit may be failed that was not failed before.
    pub units: bool,
    /// Units that do not count.
    pub ignore_units: Vec<String>,
    /// The git remote must be reachable again, if it was before.
    pub source: bool,
    /// Program and arguments each; every one must exit 0.
    pub commands: Vec<Vec<String>>,
}

/// What follows a host that is not healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Back to what ran before.
    Rollback,
    /// Keep it, outcome degraded.
    Report,
}

/// The tailnet listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nudge {
    /// Empty where there is no listener.
    pub listen: Vec<std::net::SocketAddr>,
    /// Who may ask.
    pub allow: Vec<Allow>,
    /// LocalAPI of tailscaled.
    pub tailscaled_socket: PathBuf,
}

/// One entry of `nudge.allow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// Whoever reaches the listener.
    Any,
    /// A node with this tag, written with its `tag:`.
    Tag(String),
    /// A node of this user, by login name.
    Login(String),
}

/// What `pull-agent listen` takes from the file: `host`, `[nudge]` and two keys of `[state]`, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenSettings {
    /// Name of this host: the first label of a `Host` that is served.
    pub host: String,
    /// `[nudge]`
    pub nudge: Nudge,
    /// The daemon's socket for reads and nudges.
    pub socket: PathBuf,
    /// Group that may change things: the listener refuses to be a member.
    pub group: String,
}

/// Where the agent keeps its own files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateSettings {
    /// State, clone, steps, build result.
    pub directory: PathBuf,
    /// Socket for reads and nudges; `control.sock` lies beside it.
    pub socket: PathBuf,
    /// Group that may change things, besides root.
    pub group: String,
    /// Folder of the logs, one for each deployment.
    pub log_directory: PathBuf,
    /// How many deployments the history keeps, each with its log.
    pub keep_deployments: usize,
}

impl StateSettings {
    /// Socket for what changes things.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.socket.with_file_name(pull_agent_protocol::CONTROL_SOCKET_NAME)
    }

    /// The agent's own clone; the repository itself is its folder `.git`.
    #[must_use]
    pub fn repository(&self) -> PathBuf {
        self.directory.join("repo")
    }

    /// Folder of the files by which a step and the agent talk.
    #[must_use]
    pub fn steps(&self) -> PathBuf {
        self.directory.join("steps")
    }

    /// Log of one deployment.
    #[must_use]
    pub fn log(&self, deployment: u64) -> PathBuf {
        self.log_directory.join(format!("{deployment}.log"))
    }
}

/// Returns the part of the settings that decisions depend on. `systemd` says whether there are units to probe.
#[must_use]
pub fn policy(settings: &Settings, systemd: bool) -> pull_agent_core::Policy {
    use pull_agent_core::{Millis, OnUnhealthy};
    let millis = |length: Duration| Millis(u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
    pull_agent_core::Policy {
        poll_interval: millis(settings.source.poll_interval),
        fetch_timeout: millis(settings.source.timeout),
        gate_timeout: match &settings.gate {
            GateSource::None => Millis(u64::MAX),
            GateSource::Github(gate) => millis(gate.timeout),
        },
        newest_green_after: match &settings.gate {
            // Every tip passes.
            GateSource::None => None,
            GateSource::Github(gate) => gate.newest_green_after.map(millis),
        },
        verdict_max_age: match &settings.gate {
            // Nothing can change.
            GateSource::None => Millis(u64::MAX),
            GateSource::Github(gate) => millis(gate.max_age),
        },
        settle: millis(settings.health.settle),
        health_deadline: millis(settings.health.deadline),
        on_unhealthy: match settings.health.on_failure {
            OnFailure::Rollback => OnUnhealthy::RollBack,
            OnFailure::Report => OnUnhealthy::Report,
        },
        units_probed: settings.health.units && systemd,
        keep_deployments: settings.state.keep_deployments,
    }
}
