//! Why something went wrong: one type, from the driver that found it to the record that is kept. The word of the closed list,
//! the sentence and what follows for the revision all come from here.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use pull_agent_protocol::Outcome;

use crate::id::Revision;

/// Why a deployment did not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Cause {
    /// Whoever found it said it in a sentence: a driver, or the state file, which keeps words and sentences only.
    Told {
        /// Its word; none where nothing went wrong.
        code: Option<ReasonCode>,
        sentence: String,
    },
    /// What runs could not be read after the build, so that there would be no way back.
    RunningSystemUnreadable,
    /// The switch ended with this exit code, or was ended by a signal.
    SwitchEnded {
        by: EndedBy,
        /// False when the host was as before afterwards.
        activated: bool,
    },
    /// The switch was killed before it could say how it ended, as often as it is tried.
    SwitchKilled,
    /// The switch ended well, and another system runs than was built.
    OtherSystemRuns,
    /// While the new system was being confirmed, the one before it ran again.
    FormerSystemRuns,
    /// Exit code 4, and the probes do not look at units.
    UnitsFailedUnprobed,
    /// The last round of probes found this.
    Unhealthy(Vec<ProbeFailure>),
    /// No round of probes ended before the deadline.
    NoProbeEnded,
    /// The agent died again and again under the new system, before a round of probes had ended.
    AgentDied {
        /// How often it started.
        starts: u32,
    },
    /// A newer green tip took its place.
    Overtaken { tip: Revision },
    /// The branch was taken back behind it.
    Withdrawn {
        /// What the tip of the branch is now.
        tip: Revision,
    },
    /// The forge took its word back before the activation.
    NotGreenAnyMore {
        /// The sentence of its last verdict.
        detail: String,
    },
    /// The way back failed as well.
    WayBackFailed {
        /// What went wrong with the new system.
        cause: Box<Self>,
        /// How often it was tried.
        tries: u32,
        /// How the last try ended.
        last: String,
    },
}

/// How a command ended, in the terms of wait(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum EndedBy {
    Code(i32),
    Signal(i32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ProbeFailure {
    pub probe: Probe,
    pub sentence: String,
}

/// What a round of probes looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    /// No unit is failed that was not before.
    Units,
    /// A program of the operator's.
    Command,
    /// The git remote can be reached.
    Remote,
}

/// One word for each reason: for scripts, and a label of metrics. Words are only ever added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasonCode {
    /// nix could not evaluate the flake.
    EvaluationFailed,
    /// A derivation could not be built.
    BuildFailed,
    /// No output for `rebuild.stall_timeout`.
    BuildStalled,
    /// Longer than `rebuild.build_timeout`.
    BuildTimeout,
    /// Memory ran out, as far as can be told.
    OutOfMemory,
    /// No space left.
    DiskFull,
    /// The network, a cache, the nix daemon.
    Network,
    /// Something else is wrong with the host, not with the revision.
    HostFault,
    /// The switch ended with an exit code that has no word of its own, or by a signal.
    ActivationFailed,
    /// The activation script failed (exit code 2).
    ActivationScriptFailed,
    /// Units failed that were not failed before, or the switch ended with exit code 4.
    UnitsFailed,
    /// One of `health.commands` failed, or no round of probes ended in time.
    ProbeFailed,
    /// The git remote cannot be reached any more.
    RemoteUnreachable,
    /// Another system runs than was built.
    WrongSystem,
    /// The switch was killed each time.
    Killed,
    /// It was taken back from the branch, or its checks are not green any more.
    Withdrawn,
    /// The way back failed as often as it is tried.
    RollbackFailed,
    /// Nothing is known of why.
    Unclassified,
}

/// What a failure means for its revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// It may pass: tried again with back-off, without end.
    TryAgain,
    /// It may pass once: tried twice, then held.
    TryTwice,
    /// It does not pass by itself: held.
    Hold,
}

impl ReasonCode {
    /// Every word there is.
    pub const ALL: [Self; 18] = [
        Self::EvaluationFailed,
        Self::BuildFailed,
        Self::BuildStalled,
        Self::BuildTimeout,
        Self::OutOfMemory,
        Self::DiskFull,
        Self::Network,
        Self::HostFault,
        Self::ActivationFailed,
        Self::ActivationScriptFailed,
        Self::UnitsFailed,
        Self::ProbeFailed,
        Self::RemoteUnreachable,
        Self::WrongSystem,
        Self::Killed,
        Self::Withdrawn,
        Self::RollbackFailed,
        Self::Unclassified,
    ];

    /// The word of the API, the metrics and the state file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EvaluationFailed => "evaluation-failed",
            Self::BuildFailed => "build-failed",
            Self::BuildStalled => "build-stalled",
            Self::BuildTimeout => "build-timeout",
            Self::OutOfMemory => "out-of-memory",
            Self::DiskFull => "disk-full",
            Self::Network => "network",
            Self::HostFault => "host-fault",
            Self::ActivationFailed => "activation-failed",
            Self::ActivationScriptFailed => "activation-script-failed",
            Self::UnitsFailed => "units-failed",
            Self::ProbeFailed => "probe-failed",
            Self::RemoteUnreachable => "remote-unreachable",
            Self::WrongSystem => "wrong-system",
            Self::Killed => "killed",
            Self::Withdrawn => "withdrawn",
            Self::RollbackFailed => "rollback-failed",
            Self::Unclassified => "unclassified",
        }
    }

    /// Reads a word; what a later version knows and this one does not is `Unclassified`, which is held.
    #[must_use]
    pub fn read(word: &str) -> Self {
        Self::ALL.into_iter().find(|code| code.as_str() == word).unwrap_or(Self::Unclassified)
    }

    /// What follows for the revision.
    #[must_use]
    pub const fn consequence(self) -> Consequence {
        match self {
            Self::DiskFull | Self::Network | Self::HostFault | Self::Withdrawn => Consequence::TryAgain,
            Self::BuildStalled | Self::BuildTimeout | Self::OutOfMemory => Consequence::TryTwice,
            Self::EvaluationFailed
            | Self::BuildFailed
            | Self::ActivationFailed
            | Self::ActivationScriptFailed
            | Self::UnitsFailed
            | Self::ProbeFailed
            | Self::RemoteUnreachable
            | Self::WrongSystem
            | Self::Killed
            | Self::RollbackFailed
            | Self::Unclassified => Consequence::Hold,
        }
    }
}

impl Cause {
    /// A cause in somebody's words.
    #[must_use]
    pub fn told(code: ReasonCode, sentence: impl Into<String>) -> Self {
        Self::Told { code: Some(code), sentence: sentence.into() }
    }

    /// Its word; none where nothing went wrong.
    #[must_use]
    pub fn code(&self) -> Option<ReasonCode> {
        Some(match self {
            Self::Told { code, .. } => return *code,
            Self::RunningSystemUnreadable => ReasonCode::HostFault,
            Self::SwitchEnded { by: EndedBy::Code(2), .. } => ReasonCode::ActivationScriptFailed,
            Self::SwitchEnded { by: EndedBy::Code(4), .. } | Self::UnitsFailedUnprobed => {
                ReasonCode::UnitsFailed
            }
            Self::SwitchEnded { by: EndedBy::Code(_) | EndedBy::Signal(_), .. } => {
                ReasonCode::ActivationFailed
            }
            Self::SwitchKilled => ReasonCode::Killed,
            Self::OtherSystemRuns | Self::FormerSystemRuns => ReasonCode::WrongSystem,
            Self::Unhealthy(failures) => unhealthy(failures),
            Self::NoProbeEnded | Self::AgentDied { .. } => ReasonCode::ProbeFailed,
            Self::Overtaken { .. } => return None,
            Self::Withdrawn { .. } | Self::NotGreenAnyMore { .. } => ReasonCode::Withdrawn,
            Self::WayBackFailed { .. } => ReasonCode::RollbackFailed,
        })
    }

    /// What follows for the revision.
    #[must_use]
    pub fn consequence(&self) -> Consequence {
        self.code().map_or(Consequence::TryAgain, ReasonCode::consequence)
    }

    /// The sentence for the operator.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Told { sentence, .. } => sentence.clone(),
            Self::RunningSystemUnreadable => {
                "the running system could not be read, so there would be no way back".to_owned()
            }
            Self::SwitchEnded { by, activated } => {
                let before = if *activated { "" } else { " before anything was activated" };
                format!("the switch {}{before}", by.words())
            }
            Self::SwitchKilled => "the switch was killed each time before it could end".to_owned(),
            Self::OtherSystemRuns => {
                "the switch ended well, but another system runs than was built".to_owned()
            }
            Self::FormerSystemRuns => "the system that ran before runs again".to_owned(),
            Self::UnitsFailedUnprobed => "the switch ended with exit code 4: some units failed".to_owned(),
            Self::Unhealthy(failures) => {
                let sentences: Vec<&str> = failures.iter().map(|failure| failure.sentence.as_str()).collect();
                sentences.join("; ")
            }
            Self::NoProbeEnded => "no probe ended within the deadline".to_owned(),
            Self::AgentDied { starts } => {
                format!("the agent started {starts} times under it, and no round of probes ended")
            }
            Self::Overtaken { tip } => format!("{} is newer and green", tip.short()),
            Self::Withdrawn { tip } => {
                format!("it was taken back: the tip of the branch is {}", tip.short())
            }
            Self::NotGreenAnyMore { detail } => {
                format!("it was not green any more when it was to be activated: {detail}")
            }
            Self::WayBackFailed { cause, tries, last } => {
                format!("{}; the way back failed {tries} times: {last}", cause.sentence())
            }
        }
    }
}

impl EndedBy {
    /// What is said of a command that ended so, with the meaning of switch-to-configuration's exit codes.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Signal(signal) => format!("was ended by signal {signal}"),
            Self::Code(code) => {
                let meaning = match code {
                    2 => " (the activation script failed)",
                    4 => " (some units failed)",
                    100 => " (a reboot is required)",
                    101 => " (the switch panicked)",
                    _ => "",
                };
                format!("ended with exit code {code}{meaning}")
            }
        }
    }
}

/// A host that is only cut off is another matter than one that is ill.
fn unhealthy(failures: &[ProbeFailure]) -> ReasonCode {
    match failures.iter().map(|failure| failure.probe).min() {
        Some(Probe::Units) => ReasonCode::UnitsFailed,
        Some(Probe::Command) | None => ReasonCode::ProbeFailed,
        Some(Probe::Remote) => ReasonCode::RemoteUnreachable,
    }
}

/// The sentence of a hold: how the deployment of the revision ended, and why.
pub(crate) fn of_hold(outcome: Outcome, cause: Option<&Cause>) -> String {
    let cause = cause.map_or_else(|| "no reason is known".to_string(), Cause::sentence);
    match outcome {
        Outcome::RolledBack => format!("rolled back: {cause}"),
        Outcome::Broken => format!("the way back failed: {cause}"),
        Outcome::Failed => format!("failed: {cause}"),
        Outcome::Deployed | Outcome::Degraded | Outcome::Unchanged | Outcome::Superseded => cause,
    }
}
