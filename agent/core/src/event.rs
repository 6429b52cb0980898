//! Everything that can happen, in the past tense. The caller brings each event exactly once.

use alloc::string::String;
use alloc::vec::Vec;

use crate::id::{Attempt, Revision, SystemPath};
use crate::time::{Millis, Wall};

/// Something that happened outside of the core.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        /// Which try this answers.
        attempt: Attempt,
        /// What the host was at that time.
        host: HostView,
        /// The tip of the branch, or the sentence of what went wrong.
        result: Result<Revision, String>,
    },
    /// Answers [`crate::Command::Fetch`].
    Fetched {
        /// Which try this answers.
        attempt: Attempt,
        /// What came, complete and synced to disk, or the sentence of what went wrong.
        result: Result<Fetched, String>,
    },
    /// Answers [`crate::Command::Check`].
    Checked {
        /// Which try this answers.
        attempt: Attempt,
        /// The forge's word on the revision that was asked about.
        verdict: Verdict,
    },
    /// Answers [`crate::Command::Build`].
    Built {
        /// Which try this answers.
        attempt: Attempt,
        /// What the host was when the build ended.
        host: HostView,
        /// The system path, rooted against garbage collection, or why there is none.
        result: Result<SystemPath, StepFailure>,
    },
    /// Answers [`crate::Command::Activate`].
    Activated {
        /// Which try this answers.
        attempt: Attempt,
        /// How the switch ended.
        exit: Exit,
        /// What the host was afterwards; of an activation that did not happen the profile is set back already.
        host: HostView,
    },
    /// Answers [`crate::Command::Probe`].
    Probed {
        /// Which try this answers.
        attempt: Attempt,
        /// One sentence for each probe that failed; empty when the host is healthy.
        failures: Vec<String>,
    },
    /// Answers [`crate::Command::RollBack`].
    RolledBack {
        /// Which try this answers.
        attempt: Attempt,
        /// How the way back ended; where host and profile are right it does not count.
        exit: Exit,
        /// What the host was afterwards.
        host: HostView,
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
        /// Which hold.
        revision: Option<Revision>,
    },
    /// The operator allows this revision, although it is no descendant of the deployed one, once.
    AcceptRequested {
        /// Which revision.
        revision: Revision,
    },
}

/// What a host is at one moment. The host is the truth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostView {
    /// Target of `/run/current-system`; none when it cannot be read.
    pub current: Option<SystemPath>,
    /// Target of the system profile, links resolved; none when it cannot be read.
    pub profile: Option<SystemPath>,
    /// Parts in which the running system differs from the booted one: "kernel", "initrd", "kernel-modules".
    pub reboot_required: Vec<String>,
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

/// The forge's word on one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which one word.
    pub kind: VerdictKind,
    /// What a green verdict rests on.
    pub evidence: Option<Evidence>,
    /// The sentence for the operator, with the HTTP status where the forge answered one.
    pub detail: String,
    /// The named checks as they were found.
    pub checks: Vec<Check>,
    /// How long the forge wants to be left alone (`Retry-After`, rate limit), counted from this answer.
    pub not_before: Option<Millis>,
}

/// The one word of a verdict. Only `Green` and `Off` let a revision pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictKind {
    /// Every named check is there and ended in success.
    Green,
    /// A named check is missing or not done.
    Pending,
    /// A named check ended in anything but success.
    Red,
    /// Checks are green elsewhere, but not provably of this very tree.
    Unproven,
    /// The forge could not be asked.
    Unavailable,
    /// The configuration asks for no checks.
    Off,
}

impl VerdictKind {
    /// Whether a revision with this verdict may be deployed.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(self, Self::Green | Self::Off)
    }
}

/// What a green verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Checks of the commit itself.
    Commit,
    /// Checks of the pull request that became the commit.
    PullRequest,
}

/// One named check as the forge reports it; status and conclusion are the forge's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Name of the check run.
    pub name: String,
    /// "queued", "in_progress", "completed" …; "missing" when the forge has no such check run.
    pub status: String,
    /// "success", "failure" …; none while it is not completed.
    pub conclusion: Option<String>,
    /// Page for people.
    pub url: Option<String>,
}

/// Why a build, or a switch that never activated anything, brought no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFailure {
    /// What kind of failure, which decides whether and when it is tried again.
    pub class: FailureClass,
    /// The sentence for the operator.
    pub reason: String,
}

/// Kinds of failure, by what follows from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureClass {
    /// Network, cache, disk full, busy lock: tried again with back-off.
    Transient,
    /// No output for `rebuild.stall_timeout`: tried twice, then held.
    Stalled,
    /// Longer than `rebuild.build_timeout`: tried twice, then held.
    TimedOut,
    /// Killed by the kernel or from outside while the agent was there: tried twice, then held.
    OutOfMemory,
    /// Evaluation or a builder said no: held.
    Deterministic,
    /// Nothing is known of why: held.
    Unclassified,
    /// Ended by [`crate::Command::CancelBuild`].
    Cancelled,
    /// The step died together with the agent or the host: counts as no try.
    Killed,
}

/// How a step ended.
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
    /// The command could not be started, or stopped before activating for a reason that passes (disk full).
    NotStarted(String),
    /// It failed before activating, for a reason that does not pass by itself (no such program, `nix-env` failed).
    FailedEarly(String),
}
