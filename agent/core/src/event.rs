//! Everything that can happen, in the past tense. The caller brings each event exactly once.

use alloc::string::String;
use alloc::vec::Vec;

use crate::cause::{Cause, ProbeFailure};
use crate::host::HostView;
use crate::id::{LookNumber, Revision, StepNumber, SystemPath};
use crate::time::{Millis, Wall};
use crate::verdict::Verdict;

/// Something that happened outside of the core.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Event {
    /// The process started and has looked at the host. Crash, reboot and self-restart all are this one event.
    Started {
        /// What the host is now.
        host: HostView,
    },
    /// The moment of [`crate::deadline`] has come.
    DeadlinePassed,
    /// Settings were read anew; the policy of this and later calls may differ.
    PolicyChanged {
        /// True when another branch or remote is followed now, so that what was seen of the old one means nothing.
        source_changed: bool,
    },
    /// Answers [`crate::Command::Poll`].
    Polled {
        /// Number of the poll that this answers.
        look: LookNumber,
        /// What the host was at that time.
        host: HostView,
        /// The tip of the branch, or the sentence of what went wrong.
        result: Result<Revision, String>,
    },
    /// Answers [`crate::Command::Fetch`].
    Fetched {
        /// Number of the fetch that this answers.
        look: LookNumber,
        /// What came, complete and synced to disk, or the sentence of what went wrong.
        result: Result<Fetched, String>,
    },
    /// Answers [`crate::Command::Check`].
    Checked {
        /// Number of the question that this answers.
        look: LookNumber,
        /// The forge's word on the revision that was asked about.
        verdict: Verdict,
    },
    /// Answers [`crate::Command::CheckAgain`].
    CheckedAgain {
        /// Number of the question that this answers.
        look: LookNumber,
        /// What the host was when the answer came.
        host: HostView,
        /// The forge's word on the revision that is built.
        verdict: Verdict,
    },
    /// Answers [`crate::Command::LookBack`].
    LookedBack {
        /// Number of the look that this answers.
        look: LookNumber,
        /// What there is below the tip, or the sentence of what went wrong.
        result: Result<BelowTip, String>,
    },
    /// Answers [`crate::Command::Build`].
    Built {
        /// Number of the build that this answers.
        step: StepNumber,
        /// What the host was when the build ended.
        host: HostView,
        end: BuildEnd,
    },
    /// Answers [`crate::Command::Activate`].
    Activated {
        /// Number of the activation that this answers.
        step: StepNumber,
        exit: Exit,
        /// What the host was afterwards; of a switch that did not happen profile and boot default are set back already.
        host: HostView,
    },
    /// Answers [`crate::Command::Probe`].
    Probed {
        /// Number of the round that this answers.
        look: LookNumber,
        /// The probes that failed; empty when the host is healthy.
        failures: Vec<ProbeFailure>,
    },
    /// Somebody said *look now*. It carries no authority.
    Nudged {
        /// The revision that should be there by now, if the caller named one.
        revision: Option<Revision>,
    },
    /// The operator wants no new activations.
    PauseRequested {
        /// When the pause ends by itself.
        until: Option<Wall>,
        /// The operator's words.
        reason: Option<String>,
        /// The operator's name.
        by: String,
    },
    /// The operator ended the pause.
    ResumeRequested,
    /// The operator wants a hold and its back-off forgotten; without a revision all of them.
    RetryRequested {
        /// The held revision; none for every hold.
        revision: Option<Revision>,
    },
    /// The operator allows this revision, although it is no descendant of the deployed one, once.
    AcceptRequested { revision: Revision },
}

/// A revision that was fetched whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// First line of the commit message.
    pub subject: String,
    /// Name of the author.
    pub author: String,
    /// Where it stands to the revision named in the command.
    pub ancestry: Ancestry,
    /// Those of the held revisions named in the command that it is or descends from, proven by the commits in the clone.
    pub contains: Vec<Revision>,
    /// Why the signatures that the operator wants are missing or not good; none when they are good, or none are wanted.
    pub untrusted: Option<String>,
}

/// What there is below a tip that is not green.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BelowTip {
    /// The newest green commit; none where none is green, or none was found within the bounds of a look.
    pub green: Option<GreenCommit>,
    /// How long the forge wants to be left alone, counted from this answer.
    pub not_before: Option<Millis>,
}

/// A commit below the tip with the forge's word on it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GreenCommit {
    pub revision: Revision,
    /// First line of the commit message.
    pub subject: String,
    /// Name of the author.
    pub author: String,
    pub verdict: Verdict,
}

/// Where a tip stands to the last deployed revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ancestry {
    /// There was nothing to compare with.
    NothingDeployed,
    /// It is that revision or a descendant of it, proven by the commits in the clone.
    Descendant,
    /// It is not, or that cannot be proven; the sentence says which.
    NotDescendant(String),
}

/// What became of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildEnd {
    /// With this system, rooted against garbage collection.
    Built(SystemPath),
    /// No system came of it.
    Failed(Cause),
    /// Ended by [`crate::Command::CancelBuild`], or by the orderly stop of the agent.
    Cancelled,
    /// It died together with the agent or the host: counts as no try.
    Killed,
}

/// What became of the command that was to activate a system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this exit code, which keeps its meaning (switch-to-configuration: 4 units failed, 100 reboot required, 2
    /// activation script failed, 101 panic).
    Code(i32),
    /// A signal ended the command.
    Signal(i32),
    /// Another activation holds the lock or the unit name (11, or the unit is loaded already): try again, never *failed*.
    Busy,
    /// The step was killed before it could say how it ended.
    Killed,
    /// It ended, or was not even started, before anything was activated. Whether that may pass, the cause says.
    BeforeActivation(Cause),
}
