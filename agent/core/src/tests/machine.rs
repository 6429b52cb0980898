//! A state with the clocks beside it, brought into each phase by what really leads there.

mod changed;
mod commands;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::decide::decide;
use crate::{
    Ancestry, BelowTip, BuildEnd, Built, Cause, Command, Event, Exit, Fetched, GreenCommit, HostView,
    LookNumber, Millis, Mono, Now, OnUnhealthy, Phase, Policy, Probe, ProbeFailure, ReasonCode, Refusal,
    Revision, Saved, State, StepNumber, SystemPath, Verdict, VerdictKind, Wall, deadline,
};

use changed::changed;
pub(super) use commands::{activate, activate_again, build, roll_back};

/// What the wall clock shows when the steady one shows nought.
pub(super) const EPOCH: u64 = 1_700_000_000_000;

/// The same but for how often the agent started while it confirmed.
pub(super) fn uncounted(mut saved: Saved) -> Saved {
    if let Some(Phase::Confirming { starts, .. }) = saved.deployment.as_mut().map(|it| &mut it.phase) {
        *starts = 0;
    }
    saved
}

pub(super) fn policy() -> Policy {
    Policy {
        poll_interval: Millis::seconds(60),
        fetch_timeout: Millis::seconds(300),
        gate_timeout: Millis::seconds(7200),
        newest_green_after: Some(Millis::seconds(600)),
        verdict_max_age: Millis::seconds(600),
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
    HostView { current: Some(system(current)), profile: Some(system(profile)), ..HostView::default() }
}

pub(super) fn verdict(kind: VerdictKind) -> Verdict {
    Verdict { kind, evidence: None, detail: String::new(), checks: Vec::new(), not_before: None }
}

pub(super) fn fetched(ancestry: Ancestry) -> Fetched {
    Fetched {
        subject: "subject".to_owned(),
        author: "author".to_owned(),
        ancestry,
        contains: Vec::new(),
        untrusted: None,
    }
}

/// A green commit below the tip.
pub(super) fn below(digit: char) -> BelowTip {
    let green = GreenCommit {
        revision: revision(digit),
        subject: "subject".to_owned(),
        author: "author".to_owned(),
        verdict: verdict(VerdictKind::Green),
    };
    BelowTip { green: Some(green), not_before: None }
}

/// A build that failed.
pub(super) fn failure(code: ReasonCode) -> BuildEnd {
    BuildEnd::Failed(Cause::told(code, "why"))
}

/// An activation that ended before anything was activated.
pub(super) fn before(code: ReasonCode, sentence: &str) -> Exit {
    Exit::BeforeActivation(Cause::told(code, sentence))
}

/// The two systems of a deployment.
pub(super) fn between(system: char, previous: char) -> Built {
    Built { system: self::system(system), previous: self::system(previous) }
}

/// Programs of the operator's that failed.
pub(super) fn ill(sentences: &[&str]) -> Vec<ProbeFailure> {
    let failure = |sentence: &&str| ProbeFailure { probe: Probe::Command, sentence: sentence.to_string() };
    sentences.iter().map(failure).collect()
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
        assert_eq!(machine.state.ledger.deployed.as_ref().map(|d| &d.revision), Some(&revision('a')));
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

    /// System b is built, but so late that the forge is asked again.
    pub(super) fn asking_again() -> Self {
        let mut machine = Self::building();
        machine.now += 600_001;
        machine.built('b', host('a', 'a'));
        machine
    }

    /// The switch of b was killed half-way, and meets another activation when it is to be done again.
    fn half_way() -> Self {
        let mut machine = Self::activating();
        machine.activated(Exit::Killed, host('b', 'b'));
        machine.activated(Exit::Busy, host('b', 'b'));
        machine
    }

    /// Every phase, by the name in the table.
    pub(super) fn phases() -> Vec<(&'static str, Self)> {
        alloc::vec![
            ("idle", Self::idle()),
            ("gating", Self::gating()),
            ("building", Self::building()),
            ("ready, paused", Self::built_and_paused()),
            ("ready, verdict old", Self::asking_again()),
            ("activating", Self::activating()),
            ("ready, busy", Self::busy()),
            ("ready, half-way", Self::half_way()),
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
        let now = self.clock();
        let step = decide(&self.policy, &mut self.state, now, event);
        if let Some(due) = deadline(&self.policy, &self.state, self.clock()) {
            assert!(due > Mono(self.now), "due at once again after {shown}: {:#?}", self.state);
        }
        step.commands
    }

    /// Asks for a change and returns whether it is made.
    pub(super) fn ask(&self, event: Event) -> Result<(), Refusal> {
        decide(&self.policy, &mut self.state.clone(), self.clock(), event).answer
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
        while let Some(due) = deadline(&self.policy, &self.state, self.clock()).filter(|due| due.0 <= until) {
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
        while self.state.poll().in_flight.is_none() {
            self.now =
                deadline(&self.policy, &self.state, self.clock()).expect("there is always a poll to come").0;
            self.tell(Event::DeadlinePassed);
        }
    }

    pub(super) fn polled(&mut self, tip: char) -> Vec<Command> {
        let event = self.polled_event(Ok(revision(tip)));
        self.tell(event)
    }

    pub(super) fn polled_event(&self, result: Result<Revision, String>) -> Event {
        let look = self.state.poll().in_flight.expect("a poll runs").look;
        Event::Polled { look, host: self.state.host.clone(), result }
    }

    pub(super) fn fetched(&mut self, ancestry: Ancestry) -> Vec<Command> {
        let look = self.state.fetch().in_flight.expect("a fetch runs").look;
        self.tell(Event::Fetched { look, result: Ok(fetched(ancestry)) })
    }

    /// The fetch brings a descendant of what is deployed, whose signature is not good.
    pub(super) fn fetched_untrusted(&mut self, why: &str) -> Vec<Command> {
        let look = self.state.fetch().in_flight.expect("a fetch runs").look;
        let result = Ok(Fetched { untrusted: Some(why.to_owned()), ..fetched(Ancestry::Descendant) });
        self.tell(Event::Fetched { look, result })
    }

    /// The fetch brings a descendant of what is deployed and of these, which are held or being deployed.
    pub(super) fn fetched_containing(&mut self, held: &[char]) -> Vec<Command> {
        let look = self.state.fetch().in_flight.expect("a fetch runs").look;
        let contains = held.iter().copied().map(revision).collect();
        let result = Ok(Fetched { contains, ..fetched(Ancestry::Descendant) });
        self.tell(Event::Fetched { look, result })
    }

    pub(super) fn checked(&mut self, kind: VerdictKind) -> Vec<Command> {
        let look = self.state.gate().in_flight.expect("a question waits").look;
        self.tell(Event::Checked { look, verdict: verdict(kind) })
    }

    /// The forge answers the question before the activation, on a host that runs system a.
    pub(super) fn checked_again(&mut self, kind: VerdictKind) -> Vec<Command> {
        let event = self.checked_again_event(kind, host('a', 'a'));
        self.tell(event)
    }

    pub(super) fn checked_again_event(&self, kind: VerdictKind, host: HostView) -> Event {
        let look = self.state.work().question.expect("a question waits").look;
        Event::CheckedAgain { look, host, verdict: verdict(kind) }
    }

    /// Answers everything that comes up in between, the tip being pending, until the line below it is looked through; returns
    /// what comes out then.
    pub(super) fn until_look_back(&mut self, tip: char) -> Vec<Command> {
        let (mut commands, end) = (Vec::new(), self.now + 7_200_000);
        while self.state.looking_back().in_flight.is_none() {
            if self.state.poll().in_flight.is_some() {
                self.polled(tip);
            } else if self.state.fetch().in_flight.is_some() {
                self.fetched(Ancestry::Descendant);
            } else if self.state.gate().in_flight.is_some() {
                self.checked(VerdictKind::Pending);
            } else {
                let due = deadline(&self.policy, &self.state, self.clock()).expect("a poll at least");
                assert!(due.0 < end, "nothing below the tip is looked at");
                self.now = due.0;
                commands = self.tell(Event::DeadlinePassed);
            }
        }
        commands
    }

    pub(super) fn looked_back_event(&self, digit: char) -> Event {
        let look = self.state.looking_back().in_flight.expect("a look waits").look;
        Event::LookedBack { look, result: Ok(below(digit)) }
    }

    pub(super) fn nothing_below_event(&self) -> Event {
        let look = self.state.looking_back().in_flight.expect("a look waits").look;
        Event::LookedBack { look, result: Ok(BelowTip { green: None, not_before: None }) }
    }

    /// The look below the tip finds this commit green.
    pub(super) fn looked_back(&mut self, digit: char) -> Vec<Command> {
        let event = self.looked_back_event(digit);
        self.tell(event)
    }

    pub(super) fn built(&mut self, digit: char, host: HostView) -> Vec<Command> {
        self.tell(Event::Built { step: self.step(), host, end: BuildEnd::Built(system(digit)) })
    }

    pub(super) fn build_failed(&mut self, code: ReasonCode) -> Vec<Command> {
        self.build_ends(failure(code))
    }

    pub(super) fn build_ends(&mut self, end: BuildEnd) -> Vec<Command> {
        self.tell(Event::Built { step: self.step(), host: host('a', 'a'), end })
    }

    /// The switch or the way back ends.
    pub(super) fn activated(&mut self, exit: Exit, host: HostView) -> Vec<Command> {
        self.tell(Event::Activated { step: self.step(), exit, host })
    }

    pub(super) fn probed(&mut self, failures: &[&str]) -> Vec<Command> {
        self.tell(Event::Probed { look: self.look(), failures: ill(failures) })
    }

    /// The number of the step that runs.
    pub(super) fn step(&self) -> StepNumber {
        self.running_step().expect("a step runs")
    }

    pub(super) fn running_step(&self) -> Option<StepNumber> {
        self.phase().and_then(Phase::step).filter(|_| self.state.work().step_runs)
    }

    /// The number of the round of probes that runs.
    pub(super) fn look(&self) -> LookNumber {
        self.state.work().probes.expect("probes run").look
    }

    pub(super) fn phase(&self) -> Option<&Phase> {
        self.state.deployment().map(|deployment| &deployment.phase)
    }

    /// The process dies and a minute later another one starts on this host; its steady clock begins anew.
    pub(super) fn restart(&mut self, host: HostView) -> Vec<Command> {
        self.state = State::from(self.state.saved());
        self.wall = self.wall.saturating_add_unsigned(self.now + 60_000 - 5_000);
        self.now = 5_000;
        self.tell(Event::Started { host })
    }
}
