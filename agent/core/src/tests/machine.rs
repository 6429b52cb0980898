//! A state with the clocks beside it, brought into each phase by what really leads there.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::decide::decide;
use crate::{
    Ancestry, Attempt, Command, DeploymentId, Event, Exit, FailureClass, Fetched, HostView, Millis, Mono,
    Now, OnUnhealthy, Phase, Policy, Refusal, Revision, Saved, Seen, State, StepFailure, SystemPath, Verdict,
    VerdictKind, Wall, deadline,
};

/// What the wall clock shows when the steady one shows nought.
pub(super) const EPOCH: u64 = 1_700_000_000_000;

pub(super) fn policy() -> Policy {
    Policy {
        poll_interval: Millis::seconds(60),
        fetch_timeout: Millis::seconds(300),
        gate_timeout: Millis::seconds(7200),
        settle: Millis::seconds(10),
        health_deadline: Millis::seconds(120),
        on_unhealthy: OnUnhealthy::RollBack,
        units_probed: true,
        keep_deployments: 50,
    }
}

/// The revision whose digits are all this one.
pub(super) fn revision(digit: char) -> Revision {
    let text: String = core::iter::repeat_n(digit, 40).collect();
    Revision::parse(&text).expect("a hexadecimal digit")
}

/// The system that is built of the revision of this digit.
pub(super) fn system(digit: char) -> SystemPath {
    SystemPath::new(&format!("/nix/store/{digit}"))
}

/// A host that runs one system and boots another.
pub(super) fn host(current: char, profile: char) -> HostView {
    HostView { current: Some(system(current)), profile: Some(system(profile)), reboot_required: Vec::new() }
}

pub(super) fn verdict(kind: VerdictKind) -> Verdict {
    Verdict { kind, evidence: None, detail: String::new(), checks: Vec::new(), not_before: None }
}

pub(super) fn fetched(ancestry: Ancestry) -> Fetched {
    Fetched { subject: "subject".to_owned(), author: "author".to_owned(), ancestry }
}

pub(super) fn failure(class: FailureClass) -> StepFailure {
    StepFailure { class, reason: "why".to_owned() }
}

/// A state, its clock and its settings.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) policy: Policy,
    pub(super) state: State,
    /// The steady clock, in milliseconds.
    pub(super) now: u64,
    /// What the wall clock shows more than [`EPOCH`] and the steady one.
    pub(super) wall: i64,
}

impl Machine {
    /// Just started for the first time, on a host that runs system 0, and polls.
    pub(super) fn new() -> Self {
        let mut machine = Self { policy: policy(), state: State::default(), now: 1_000_000, wall: 0 };
        machine.tell(Event::Started { host: host('0', '0') });
        machine
    }

    /// Revision and system a are deployed, and the next poll is far.
    pub(super) fn idle() -> Self {
        let mut machine = Self::confirming_first();
        machine.now += 10_000;
        machine.tell(Event::DeadlinePassed);
        machine.probed(&[]);
        assert_eq!(machine.state.saved.deployed.as_ref().map(|d| &d.revision), Some(&revision('a')));
        machine
    }

    fn confirming_first() -> Self {
        let mut machine = Self::new();
        machine.polled('a');
        machine.fetched(Ancestry::NothingDeployed);
        machine.checked(VerdictKind::Green);
        machine.built('a', host('0', '0'));
        machine.activated(Exit::Code(0), host('a', 'a'));
        machine
    }

    /// Revision b is wanted, descends from a, and its checks are pending.
    pub(super) fn gating() -> Self {
        let mut machine = Self::idle();
        machine.sees('b');
        machine.checked(VerdictKind::Pending);
        machine
    }

    /// Revision b is green and is being built as deployment 2.
    pub(super) fn building() -> Self {
        let mut machine = Self::idle();
        machine.sees('b');
        machine.checked(VerdictKind::Green);
        machine
    }

    /// System b is built and waits for the end of a pause.
    pub(super) fn built_and_paused() -> Self {
        let mut machine = Self::building();
        machine.tell(Event::PauseRequested { until: None, reason: None, by: "poby".to_owned() });
        machine.built('b', host('a', 'a'));
        machine
    }

    /// The switch from system a to system b runs.
    pub(super) fn activating() -> Self {
        let mut machine = Self::building();
        machine.built('b', host('a', 'a'));
        machine
    }

    /// Another activation was in the way.
    pub(super) fn busy() -> Self {
        let mut machine = Self::activating();
        machine.activated(Exit::Busy, host('a', 'a'));
        machine
    }

    /// System b runs and settles.
    pub(super) fn confirming() -> Self {
        let mut machine = Self::activating();
        machine.activated(Exit::Code(0), host('b', 'b'));
        machine
    }

    /// System b runs and is being probed.
    pub(super) fn probing() -> Self {
        let mut machine = Self::confirming();
        machine.now += 10_000;
        machine.tell(Event::DeadlinePassed);
        machine
    }

    /// System b's activation script failed; the way back to system a runs.
    pub(super) fn rolling_back() -> Self {
        let mut machine = Self::activating();
        machine.activated(Exit::Code(2), host('b', 'b'));
        machine
    }

    /// Every phase, by the name in the table.
    pub(super) fn phases() -> Vec<(&'static str, Self)> {
        alloc::vec![
            ("idle", Self::idle()),
            ("gating", Self::gating()),
            ("building", Self::building()),
            ("built, paused", Self::built_and_paused()),
            ("activating", Self::activating()),
            ("busy", Self::busy()),
            ("confirming", Self::probing()),
            ("rolling back", Self::rolling_back()),
        ]
    }

    pub(super) fn clock(&self) -> Now {
        let wall = Wall((EPOCH + self.now).saturating_add_signed(self.wall));
        Now { wall, mono: Mono(self.now), entropy: 0 }
    }

    /// Tells an event and returns the commands. Whatever happens, nothing may be due again at once.
    pub(super) fn tell(&mut self, event: Event) -> Vec<Command> {
        let shown = format!("{event:?}");
        let step = decide(&self.policy, self.state.clone(), self.clock(), event);
        self.state = step.state;
        if let Some(due) = deadline(&self.policy, &self.state) {
            assert!(due > Mono(self.now), "due at once again after {shown}: {:#?}", self.state);
        }
        step.commands
    }

    /// Asks for a change and returns whether it is made.
    pub(super) fn ask(&self, event: Event) -> Result<(), Refusal> {
        decide(&self.policy, self.state.clone(), self.clock(), event).answer
    }

    /// Tells an event; exactly these commands must come out, and exactly these fields change.
    pub(super) fn check(&mut self, event: Event, commands: &[Command], changes: &[&str]) {
        let shown = format!("{event:?}");
        let before = self.state.clone();
        let told = self.tell(event);
        assert_eq!(told, commands, "after {shown}");
        let changed = changed(&before, &self.state);
        assert_eq!(changed, changes, "after {shown}");
    }

    /// Tells an event that must change nothing at all.
    pub(super) fn check_ignored(&mut self, event: Event) {
        self.check(event, &[], &[]);
    }

    /// Lets time pass, told or not, until nothing is due before `until` any more; returns all commands.
    pub(super) fn wait_until(&mut self, until: u64) -> Vec<Command> {
        let mut commands = Vec::new();
        while let Some(due) = deadline(&self.policy, &self.state).filter(|due| due.0 <= until) {
            self.now = due.0;
            commands.extend(self.tell(Event::DeadlinePassed));
        }
        self.now = until;
        commands
    }

    /// The branch is polled and has this tip, which is fetched and descends from what is deployed.
    pub(super) fn sees(&mut self, tip: char) {
        self.sees_tip(tip);
        self.fetched(Ancestry::Descendant);
    }

    /// The branch is polled and has this tip.
    pub(super) fn sees_tip(&mut self, tip: char) {
        self.poll();
        self.polled(tip);
    }

    /// Waits until a poll runs.
    pub(super) fn poll(&mut self) {
        while self.state.seen.poll.in_flight.is_none() {
            self.now = deadline(&self.policy, &self.state).expect("there is always a poll to come").0;
            self.tell(Event::DeadlinePassed);
        }
    }

    pub(super) fn polled(&mut self, tip: char) -> Vec<Command> {
        let event = self.polled_event(Ok(revision(tip)));
        self.tell(event)
    }

    pub(super) fn polled_event(&self, result: Result<Revision, String>) -> Event {
        let attempt = self.state.seen.poll.in_flight.expect("a poll runs").attempt;
        Event::Polled { attempt, host: self.state.seen.host.clone(), result }
    }

    pub(super) fn fetched(&mut self, ancestry: Ancestry) -> Vec<Command> {
        let attempt = self.state.seen.fetch.in_flight.expect("a fetch runs").attempt;
        self.tell(Event::Fetched { attempt, result: Ok(fetched(ancestry)) })
    }

    pub(super) fn checked(&mut self, kind: VerdictKind) -> Vec<Command> {
        let attempt = self.state.seen.gate.in_flight.expect("a question waits").attempt;
        self.tell(Event::Checked { attempt, verdict: verdict(kind) })
    }

    pub(super) fn built(&mut self, digit: char, host: HostView) -> Vec<Command> {
        let attempt = self.step();
        self.tell(Event::Built { attempt, host, result: Ok(system(digit)) })
    }

    pub(super) fn build_failed(&mut self, class: FailureClass) -> Vec<Command> {
        let attempt = self.step();
        self.tell(Event::Built { attempt, host: host('a', 'a'), result: Err(failure(class)) })
    }

    pub(super) fn activated(&mut self, exit: Exit, host: HostView) -> Vec<Command> {
        let attempt = self.step();
        self.tell(Event::Activated { attempt, exit, host })
    }

    pub(super) fn probed(&mut self, failures: &[&str]) -> Vec<Command> {
        let attempt = self.step();
        let failures = failures.iter().map(ToString::to_string).collect();
        self.tell(Event::Probed { attempt, failures })
    }

    pub(super) fn rolled_back(&mut self, exit: Exit, host: HostView) -> Vec<Command> {
        let attempt = self.step();
        self.tell(Event::RolledBack { attempt, exit, host })
    }

    /// The number of the step or probe that runs.
    pub(super) fn step(&self) -> Attempt {
        self.state.seen.work.in_flight.expect("a step runs")
    }

    pub(super) fn phase(&self) -> Option<&Phase> {
        self.state.saved.current.as_ref().map(|current| &current.phase)
    }

    /// The process dies and a minute later another one starts on this host; its steady clock begins anew.
    pub(super) fn restart(&mut self, host: HostView) -> Vec<Command> {
        self.state.seen = Seen::default();
        self.wall = self.wall.saturating_add_unsigned(self.now + 60_000 - 5_000);
        self.now = 5_000;
        self.tell(Event::Started { host })
    }
}

pub(super) fn build(attempt: u64, deployment: u64, digit: char) -> Command {
    Command::Build {
        attempt: Attempt(attempt),
        deployment: DeploymentId(deployment),
        revision: revision(digit),
    }
}

pub(super) fn activate(attempt: u64, deployment: u64, digit: char, previous: char) -> Command {
    Command::Activate {
        attempt: Attempt(attempt),
        deployment: DeploymentId(deployment),
        revision: revision(digit),
        system: system(digit),
        previous: system(previous),
    }
}

pub(super) fn roll_back(attempt: u64, deployment: u64, digit: char) -> Command {
    Command::RollBack {
        attempt: Attempt(attempt),
        deployment: DeploymentId(deployment),
        system: system(digit),
    }
}

/// Names of the fields that differ, in the order of their declaration.
fn changed(before: &State, after: &State) -> Vec<&'static str> {
    let Saved {
        next_deployment,
        next_attempt,
        deployed,
        current,
        wanted,
        behind_since,
        refused,
        accepted,
        held,
        tries,
        paused,
        history,
        totals,
    } = &before.saved;
    let Seen { host, next_attempt: next_look, poll, fetch, gate, work, phase, retry_at, pause_ends } =
        &before.seen;
    let (saved, seen) = (&after.saved, &after.seen);
    let fields = [
        ("next_deployment", *next_deployment != saved.next_deployment),
        ("next_attempt", *next_attempt != saved.next_attempt),
        ("deployed", *deployed != saved.deployed),
        ("current", *current != saved.current),
        ("wanted", *wanted != saved.wanted),
        ("behind_since", *behind_since != saved.behind_since),
        ("refused", *refused != saved.refused),
        ("accepted", *accepted != saved.accepted),
        ("held", *held != saved.held),
        ("tries", *tries != saved.tries),
        ("paused", *paused != saved.paused),
        ("history", *history != saved.history),
        ("totals", *totals != saved.totals),
        ("host", *host != seen.host),
        ("next_look", *next_look != seen.next_attempt),
        ("poll", *poll != seen.poll),
        ("fetch", *fetch != seen.fetch),
        ("gate", *gate != seen.gate),
        ("work", *work != seen.work),
        ("phase", *phase != seen.phase),
        ("retry_at", *retry_at != seen.retry_at),
        ("pause_ends", *pause_ends != seen.pause_ends),
    ];
    fields.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
}
