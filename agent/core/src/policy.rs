//! The validated settings that influence a decision, and the numbers that are no setting.

use crate::time::Millis;

/// What the operator configured, as far as the core needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Between two polls of the branch.
    pub poll_interval: Millis,
    /// The longest that one fetch may take.
    pub fetch_timeout: Millis,
    /// After so long without a green verdict the forge is asked more rarely.
    pub gate_timeout: Millis,
    /// So long a tip that is not green may keep an older green commit waiting; none: without end.
    pub newest_green_after: Option<Millis>,
    /// A verdict older than this is asked for again before an activation.
    pub verdict_max_age: Millis,
    /// From the end of the switch to the first probe.
    pub settle: Millis,
    /// From the end of the switch until all probes have passed.
    pub health_deadline: Millis,
    /// What follows when they have not.
    pub on_unhealthy: OnUnhealthy,
    /// Whether failed units are probed; if not, exit code 4 alone makes a deployment degraded.
    pub units_probed: bool,
    /// So many deployments stay in the history, with their logs.
    pub keep_deployments: usize,
}

/// What follows a host that is not healthy after a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnhealthy {
    /// Back to what ran before.
    RollBack,
    /// Keep it, outcome degraded.
    Report,
}

/// One poll is cut off after 30 s by its driver; an answer later than this is given up.
pub(crate) const POLL_LIMIT: Millis = Millis::seconds(45);
/// One question to the forge is cut off after 30 s by its driver; an answer later than this is given up.
pub(crate) const CHECK_LIMIT: Millis = Millis::seconds(60);
/// A look below the tip asks the forge ten times at most, and proves what it says; an answer later than this is given up.
pub(crate) const LOOK_BACK_LIMIT: Millis = Millis::seconds(1800);
/// One round of probes is cut off by its driver well before.
pub(crate) const PROBE_LIMIT: Millis = Millis::seconds(180);
/// What a fetch may take beyond its own timeout, for killing the child and sweeping up.
pub(crate) const FETCH_GRACE: Millis = Millis::seconds(60);
/// Nudges that come faster than this share one poll and one question to the forge.
pub(crate) const SPACING: Millis = Millis::seconds(1);
/// Between the quick polls for a revision that a nudge named.
pub(crate) const QUICK_POLL: Millis = Millis::seconds(3);
/// So many times at once nudges may have the remote polled, and so many times the forge asked.
pub(crate) const HURRIES: u64 = 5;
/// After those, a poll for nudges comes in each such time: 20 in any minute.
pub(crate) const HURRIED_POLL_EACH: Millis = Millis::seconds(4);
/// After those, the forge is asked for nudges once in each such time.
pub(crate) const HURRIED_CHECK_EACH: Millis = Millis::seconds(15);
/// How long a revision that a nudge named is waited for.
pub(crate) const QUICK_POLL_FOR: Millis = Millis::seconds(60);
/// The forge is asked at most this often while checks are young.
pub(crate) const GATE_FIRST: Millis = Millis::seconds(15);
/// Of so many deployments it is remembered how long their checks took.
pub(crate) const GATES_REMEMBERED: usize = 5;
/// Checks that took less than this teach nothing: they may have been green already when the host came to ask.
pub(crate) const GATE_TAKES: Millis = Millis::seconds(30);
/// However long checks usually take, the forge is asked about them this often.
pub(crate) const GATE_QUIET_MOST: Millis = Millis::seconds(300);
/// Checks are young for this long.
pub(crate) const GATE_YOUNG: Millis = Millis::seconds(600);
/// While what was switched to is probed, the time that this took so far is saved this often.
pub(crate) const CONFIRMED_TIME_EACH: Millis = Millis::seconds(10);
/// A system under which the agent started so often without one finished round of probes is not kept.
pub(crate) const CONFIRMING_STARTS: u32 = 5;
/// Between two rounds of probes that did not pass.
pub(crate) const PROBE_AGAIN: Millis = Millis::seconds(2);
/// First wait for a busy lock, and between two tries of the way back.
pub(crate) const BUSY_FIRST: Millis = Millis::seconds(5);
/// Longest wait for a busy lock.
pub(crate) const BUSY_MOST: Millis = Millis::seconds(60);
/// A stall, a build timeout or an out of memory is tried so often, then held.
pub(crate) const HARD_TRIES: u32 = 2;
/// Of so many revisions that are not the tip it is remembered how often they failed.
pub(crate) const MOST_TRIED: usize = 20;
/// A switch that was killed before it could say how it ended is run so often in a row, then the way back begins.
pub(crate) const SWITCH_TRIES: u32 = 5;
/// So many holds are kept, and the oldest forgotten.
pub(crate) const MOST_HOLDS: usize = 1000;
/// The way back is tried so often, then the host is broken.
pub(crate) const ROLL_BACK_TRIES: u32 = 3;
/// So often the way back waits for a busy lock or a full disk (about half an hour), then the host is broken.
pub(crate) const ROLL_BACK_WAITS: u32 = 30;

impl Policy {
    /// The shortest time between two questions to the forge about one revision.
    pub(crate) fn gate_interval(&self) -> Millis {
        self.poll_interval.min(GATE_FIRST)
    }

    /// A fetch that has not answered by then is given up.
    pub(crate) fn fetch_limit(&self) -> Millis {
        Millis(self.fetch_timeout.0.saturating_add(FETCH_GRACE.0))
    }

    /// A question to the forge that has not been answered by then is given up. The proof of what a pull request's checks say
    /// takes a fetch.
    pub(crate) fn check_limit(&self) -> Millis {
        Millis(CHECK_LIMIT.0.saturating_add(self.fetch_limit().0))
    }

    /// A poll that failed is tried again after at most this long.
    pub(crate) fn poll_backoff_most(&self) -> Millis {
        self.poll_interval.times(5).max(Millis::seconds(60))
    }

    /// A deployment that failed for a passing reason is tried again after at most this long.
    pub(crate) fn retry_most(&self) -> Millis {
        self.poll_interval.times(15).max(Millis::seconds(60))
    }
}
