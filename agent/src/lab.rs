//! For unit tests: a core that real events bring where a test wants it, by the same outbox that the daemon drives.

use std::sync::Arc;

use pull_agent_core::{
    Ancestry, BuildEnd, Cause, Command, Due, Event, Exit, Fetched, HostView, LookNumber, Mono, Now, Outbox,
    Phase, Policy, Probe, ProbeFailure, ReasonCode, Revision, State, StepNumber, SystemPath, Verdict,
    VerdictKind, Wall, deadline,
};

use crate::settings::{self, Facts, Settings};
use crate::view::{self, About};

/// 2023-11-14T22:13:20Z: what the wall clock shows when the steady one shows nought.
const EPOCH: u64 = 1_700_000_000_000;

/// The configuration of the host "yggdrasil".
const CONFIG: &str = "[source]\nurl = \"https://github.com/poby/infra\"\n";

/// A core, its clock and its settings.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) settings: Arc<Settings>,
    pub(crate) policy: Policy,
    pub(crate) about: About,
    outbox: Outbox<()>,
    /// Both clocks, in milliseconds since [`EPOCH`].
    now: u64,
}

impl Lab {
    /// Just started for the first time, on a host that runs system 0, and polls.
    pub(crate) fn new() -> Self {
        Self::with(CONFIG, true)
    }

    /// The same with other settings, on a machine that systemd runs or does not.
    pub(crate) fn with(config: &str, systemd: bool) -> Self {
        let facts = Facts { hostname: Some("yggdrasil".to_owned()), systemd, ..Facts::default() };
        let settings = Arc::new(settings::parse(config, &facts).expect("good settings"));
        let policy = settings::policy(&settings, systemd);
        let about = About { started_at: Wall(EPOCH), pid: 812, warnings: Vec::new() };
        let outbox = Outbox::unwritten(pull_agent_core::Saved::default());
        let mut lab = Self { settings, policy, about, outbox, now: 0 };
        lab.tell(Event::Started { host: host('0', '0') });
        lab
    }

    /// Revision and system a are deployed, and nothing else is known.
    pub(crate) fn idle() -> Self {
        let mut lab = Self::new();
        lab.deploys_first();
        lab
    }

    /// Deploys revision a.
    pub(crate) fn deploys_first(&mut self) {
        self.polled(Ok('a'));
        self.fetched(Ancestry::NothingDeployed);
        self.green();
        self.built('a', host('0', '0'));
        self.activated(Exit::Code(0), host('a', 'a'));
        self.probes();
        self.probed(&[]);
        assert_eq!(self.state().ledger().deployed.as_ref().map(|it| &it.revision), Some(&revision('a')));
    }

    /// Revision b descends from a and is asked about.
    pub(crate) fn gating() -> Self {
        let mut lab = Self::idle();
        lab.sees('b');
        lab
    }

    /// Revision b is green and is being built as deployment 2.
    pub(crate) fn building() -> Self {
        let mut lab = Self::gating();
        lab.green();
        lab
    }

    /// The switch from system a to system b runs.
    pub(crate) fn activating() -> Self {
        let mut lab = Self::building();
        lab.built('b', host('a', 'a'));
        lab
    }

    /// System b runs, and the first round of probes too.
    pub(crate) fn probing() -> Self {
        let mut lab = Self::activating();
        lab.activated(Exit::Code(0), host('b', 'b'));
        lab.probes();
        lab
    }

    /// The activation script of system b failed; the way back to system a runs.
    pub(crate) fn rolling_back() -> Self {
        let mut lab = Self::activating();
        lab.activated(Exit::Code(2), host('b', 'b'));
        lab
    }

    /// System b was rolled back, and is held.
    pub(crate) fn rolled_back() -> Self {
        let mut lab = Self::rolling_back();
        lab.activated(Exit::Code(0), host('a', 'a'));
        lab
    }

    pub(crate) const fn state(&self) -> &State {
        self.outbox.state()
    }

    pub(crate) fn status(&self) -> pull_agent_protocol::Status {
        view::status(&self.settings, &self.about, self.state())
    }

    pub(crate) const fn wall(&self) -> Wall {
        Wall(EPOCH + self.now)
    }

    const fn clock(&self) -> Now {
        Now { wall: self.wall(), mono: Mono(self.now), entropy: 0 }
    }

    /// Tells an event, saves, and returns the commands.
    pub(crate) fn tell(&mut self, event: Event) -> Vec<Command> {
        self.outbox.decide(&self.policy, self.clock(), event, None);
        match self.outbox.due() {
            Due::Start(released) => released.commands,
            Due::Save(unsaved) => self.outbox.saved(unsaved).commands,
        }
    }

    /// Lets time pass, in milliseconds; whatever is due by then was told that it is.
    pub(crate) fn pass(&mut self, millis: u64) {
        let until = self.now + millis;
        while let Some(due) = deadline(&self.policy, self.state(), self.clock()).filter(|due| due.0 <= until)
        {
            self.now = self.now.max(due.0);
            self.tell(Event::DeadlinePassed);
        }
        self.now = until;
    }

    /// Lets time pass to the next thing that is due until something is so.
    pub(crate) fn pass_until(&mut self, what: impl Fn(&State) -> bool) {
        for _ in 0..1000 {
            if what(self.state()) {
                return;
            }
            let due =
                deadline(&self.policy, self.state(), self.clock()).expect("there is always a poll to come");
            self.now = self.now.max(due.0);
            self.tell(Event::DeadlinePassed);
        }
        panic!("it did not come to that: {:#?}", self.state());
    }

    /// The branch is polled and has this tip, which is fetched and descends from what is deployed.
    pub(crate) fn sees(&mut self, tip: char) {
        self.polls();
        self.polled(Ok(tip));
        self.fetched(Ancestry::Descendant);
    }

    /// Waits until a poll runs.
    pub(crate) fn polls(&mut self) {
        self.pass_until(|state| state.poll().in_flight.is_some());
    }

    /// Waits until probes run.
    pub(crate) fn probes(&mut self) {
        self.pass_until(|state| state.work().probes.is_some());
    }

    pub(crate) fn polled(&mut self, result: Result<char, &str>) {
        self.polled_on(self.state().host().clone(), result);
    }

    /// The poll that runs brings a tip, and the host is this by now.
    pub(crate) fn polled_on(&mut self, host: HostView, result: Result<char, &str>) {
        let look = self.state().poll().in_flight.expect("a poll runs").look;
        self.tell(Event::Polled { look, host, result: result.map(revision).map_err(str::to_owned) });
    }

    pub(crate) fn fetched(&mut self, ancestry: Ancestry) {
        let subject = "grafana: 11.3".to_owned();
        self.fetch_ended(Ok(Fetched {
            subject,
            author: "poby".to_owned(),
            ancestry,
            contains: Vec::new(),
            untrusted: None,
        }));
    }

    pub(crate) fn fetch_ended(&mut self, result: Result<Fetched, String>) {
        let look = self.state().fetch().in_flight.expect("a fetch runs").look;
        self.tell(Event::Fetched { look, result });
    }

    pub(crate) fn green(&mut self) {
        self.judged(verdict(VerdictKind::Green, ""));
    }

    pub(crate) fn judged(&mut self, verdict: Verdict) {
        let look = self.state().gate().in_flight.expect("a question waits").look;
        self.tell(Event::Checked { look, verdict });
    }

    /// The forge answers the question before the activation, on a host that runs system a.
    pub(crate) fn judged_again(&mut self, verdict: Verdict) {
        let look = self.state().work().question.expect("a question waits").look;
        self.tell(Event::CheckedAgain { look, host: host('a', 'a'), verdict });
    }

    pub(crate) fn built(&mut self, digit: char, host: HostView) {
        self.build_ended(host, BuildEnd::Built(system(digit)));
    }

    /// The build of a revision fails on a host that runs system a.
    pub(crate) fn build_failed(&mut self, code: ReasonCode, sentence: &str) {
        self.build_ended(host('a', 'a'), BuildEnd::Failed(Cause::told(code, sentence)));
    }

    fn build_ended(&mut self, host: HostView, end: BuildEnd) {
        self.tell(Event::Built { step: self.step(), host, end });
    }

    /// The switch or the way back ends.
    pub(crate) fn activated(&mut self, exit: Exit, host: HostView) {
        self.tell(Event::Activated { step: self.step(), exit, host });
    }

    /// The round of probes ends; programs of the operator's failed with these sentences.
    pub(crate) fn probed(&mut self, failures: &[&str]) {
        let look: LookNumber = self.state().work().probes.expect("probes run").look;
        let failed = |it: &&str| ProbeFailure { probe: Probe::Command, sentence: (*it).to_owned() };
        self.tell(Event::Probed { look, failures: failures.iter().map(failed).collect() });
    }

    pub(crate) fn pause(&mut self) {
        self.tell(Event::PauseRequested { until: None, reason: None, by: "poby".to_owned() });
    }

    fn step(&self) -> StepNumber {
        let phase = self.state().deployment().map(|deployment| &deployment.phase);
        phase.and_then(Phase::step).expect("a step runs")
    }
}

/// The revision whose digits are all this one.
pub(crate) fn revision(digit: char) -> Revision {
    Revision::parse(&digit.to_string().repeat(40)).expect("a hexadecimal digit")
}

/// The system that is built of the revision of this digit.
pub(crate) fn system(digit: char) -> SystemPath {
    SystemPath::new(&format!("/nix/store/{digit}"))
}

/// A host that runs one system and boots another.
pub(crate) fn host(current: char, profile: char) -> HostView {
    HostView { current: Some(system(current)), profile: Some(system(profile)), ..HostView::default() }
}

/// A verdict without checks.
pub(crate) fn verdict(kind: VerdictKind, detail: &str) -> Verdict {
    Verdict { kind, evidence: None, detail: detail.to_owned(), checks: Vec::new(), not_before: None }
}
