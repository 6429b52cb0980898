//! Many hosts that ask one forge with one identity: the core of each, with its real cadence and its real pacing by what the
//! forge's rate limit leaves. Nothing goes wrong here but that there are many.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use pull_agent_core::{
    Ancestry, BelowTip, Budget, BuildEnd, Command, Due, Event, Evidence, Exit, Fetched, HostView, Millis,
    Mono, Now, Outbox, Policy, Revision, Saved, SystemPath, Verdict, VerdictKind, Wall, deadline,
};

use crate::rng::Rng;
use crate::run::usual;

/// A minute and an hour, in milliseconds.
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// What is asked of how many.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// Hosts with one identity.
    pub hosts: usize,
    /// Requests an hour that the forge allows it.
    pub limit: u64,
    /// Whether an answer that has not changed costs nothing (304 to a request with a token).
    pub unchanged_is_free: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Requests that counted, in the busiest hour.
    pub hour: u64,
    /// Requests, counted or not, in the busiest minute.
    pub minute: u64,
    /// Questions that found nothing left of the limit.
    pub refused: u64,
    /// From a commit's green checks to the host's activation, in seconds: the middle one of all hosts and commits.
    pub median: u64,
    /// The longest of these.
    pub longest: u64,
    /// Hosts that run the last commit at the end.
    pub arrived: usize,
}

/// Commits of a working day: one every twenty minutes, whose checks take eight.
const COMMITS: u64 = 12;
const BETWEEN: u64 = 20 * MINUTE;
const CHECKS: u64 = 8 * MINUTE;
/// After the last commit everybody has this long.
const AFTER: u64 = 2 * HOUR;

/// Stands for no event but the time itself.
const ALARM: u64 = u64::MAX;

/// One answer, or a look at the clock, in the order of time.
type Item = Reverse<(u64, usize, u64)>;

struct Model {
    fleet: Fleet,
    policy: Policy,
    rng: Rng,
    now: u64,
    hosts: Vec<Host>,
    queue: BinaryHeap<Item>,
    events: Vec<Option<Event>>,
    /// Requests that counted, by hour; all of them, by minute.
    counted: Vec<u64>,
    asked: Vec<u64>,
    refused: u64,
    waits: Vec<u64>,
}

struct Host {
    outbox: Outbox<()>,
    system: SystemPath,
    /// The verdict that the forge gave last, and on which commit: what is the same again has not changed.
    known: Option<(Revision, VerdictKind)>,
    /// When it looks at the clock next.
    alarm: Option<u64>,
}

/// Lets the fleet live through such a day.
#[must_use]
pub fn live(fleet: Fleet, seed: u64) -> Figures {
    let end = COMMITS * BETWEEN + AFTER;
    let count = |length: u64| vec![0; usize::try_from(end / length + 1).unwrap_or(usize::MAX)];
    let mut model = Model {
        fleet,
        policy: usual(),
        rng: Rng::new(seed),
        now: 0,
        hosts: Vec::new(),
        queue: BinaryHeap::new(),
        events: Vec::new(),
        counted: count(HOUR),
        asked: count(MINUTE),
        refused: 0,
        waits: Vec::new(),
    };
    for number in 0..fleet.hosts {
        let system = SystemPath::new("/nix/store/0");
        let outbox = Outbox::read(Saved::default());
        model.hosts.push(Host { outbox, system, known: None, alarm: None });
        let at = model.rng.below(MINUTE);
        let host = model.view(number);
        model.after(at, number, Event::Started { host });
    }
    while let Some(Reverse((at, number, event))) = model.queue.pop()
        && at < end
    {
        model.now = at;
        if event == ALARM {
            if model.hosts[number].alarm == Some(at) {
                model.hosts[number].alarm = None;
                model.turn(number, None);
            }
        } else if let Some(event) = usize::try_from(event).ok().and_then(|event| model.events[event].take()) {
            model.turn(number, Some(event));
        }
    }
    model.figures()
}

/// The commit of this number, from 1 on.
fn revision(number: u64) -> Revision {
    match Revision::parse(&format!("{number:040x}")) {
        Ok(revision) => revision,
        Err(error) => panic!("{error}"),
    }
}

fn number_of(revision: &Revision) -> u64 {
    u64::from_str_radix(&revision.as_str()[24..], 16).unwrap_or_default()
}

/// When the checks of a commit are green.
const fn green_at(number: u64) -> u64 {
    (number - 1) * BETWEEN + CHECKS
}

impl Model {
    fn tip(&self) -> u64 {
        (self.now / BETWEEN + 1).min(COMMITS)
    }

    fn clock(&mut self) -> Now {
        // The steady clock of every host began long before.
        Now {
            wall: Wall(1_700_000_000_000 + self.now),
            mono: Mono(HOUR + self.now),
            entropy: self.rng.next(),
        }
    }

    fn after(&mut self, delay: u64, host: usize, event: Event) {
        let place = self.events.len() as u64;
        self.events.push(Some(event));
        self.queue.push(Reverse((self.now + delay, host, place)));
    }

    fn view(&self, number: usize) -> HostView {
        let system = Some(self.hosts[number].system.clone());
        HostView { current: system.clone(), profile: system.clone(), booted: system, ..HostView::default() }
    }

    /// One event, and what follows from it; none: its time may have come.
    fn turn(&mut self, number: usize, event: Option<Event>) {
        let now = self.clock();
        let (policy, host) = (&self.policy, &mut self.hosts[number]);
        let event = event.or_else(|| {
            let due = deadline(policy, host.outbox.state(), now).is_some_and(|due| due <= now.mono);
            due.then_some(Event::DeadlinePassed)
        });
        if let Some(event) = event {
            host.outbox.decide(policy, now, event, None);
            let released = match host.outbox.due() {
                Due::Start(released) => released,
                Due::Save(unsaved) => host.outbox.saved(unsaved),
            };
            for command in released.commands {
                self.carry_out(number, command);
            }
        }
        let host = &mut self.hosts[number];
        if let Some(due) = deadline(&self.policy, host.outbox.state(), now) {
            let at = due.0.saturating_sub(HOUR).max(self.now + 1);
            if host.alarm.is_none_or(|alarm| at < alarm) {
                host.alarm = Some(at);
                self.queue.push(Reverse((at, number, ALARM)));
            }
        }
    }

    fn carry_out(&mut self, number: usize, command: Command) {
        let network = self.rng.between(50, 500);
        match command {
            Command::Poll { look } => {
                let (host, result) = (self.view(number), Ok(revision(self.tip())));
                self.after(network, number, Event::Polled { look, host, result });
            }
            Command::Fetch { look, base, .. } => {
                let ancestry = base.map_or(Ancestry::NothingDeployed, |_| Ancestry::Descendant);
                let (subject, author) = (String::new(), String::new());
                let fetched = Fetched { subject, author, ancestry, contains: Vec::new(), untrusted: None };
                self.after(network, number, Event::Fetched { look, result: Ok(fetched) });
            }
            Command::Check { look, revision } => {
                let verdict = self.ask(number, &revision);
                self.after(network, number, Event::Checked { look, verdict });
            }
            Command::CheckAgain { look, revision } => {
                let (host, verdict) = (self.view(number), self.ask(number, &revision));
                self.after(network, number, Event::CheckedAgain { look, host, verdict });
            }
            Command::LookBack { look, tip, .. } => {
                // The one below, which is deployed where it was green.
                let verdict = self.ask(number, &revision(number_of(&tip).saturating_sub(1).max(1)));
                let found = BelowTip { green: None, not_before: verdict.not_before };
                self.after(network, number, Event::LookedBack { look, result: Ok(found) });
            }
            Command::Build { step, revision, .. } => {
                let end = BuildEnd::Built(SystemPath::new(&format!("/nix/store/{}", number_of(&revision))));
                let delay = self.rng.between(20_000, 90_000);
                let host = self.view(number);
                self.after(delay, number, Event::Built { step, host, end });
            }
            Command::Activate { step, built, .. } => {
                let of: u64 =
                    built.system.as_str().rsplit('/').next().and_then(|it| it.parse().ok()).unwrap_or(1);
                self.waits.push(self.now.saturating_sub(green_at(of)) / 1_000);
                self.hosts[number].system = built.system;
                let host = self.view(number);
                self.after(8_000, number, Event::Activated { step, exit: Exit::Code(0), host });
            }
            Command::Probe { look, .. } => {
                self.after(network, number, Event::Probed { look, failures: Vec::new() });
            }
            Command::CancelBuild { .. } | Command::Forget { .. } => {}
        }
    }

    /// The forge's word, which costs a request or, where nothing is new, perhaps nothing.
    fn ask(&mut self, number: usize, revision: &Revision) -> Verdict {
        let kind =
            if self.now >= green_at(number_of(revision)) { VerdictKind::Green } else { VerdictKind::Pending };
        let same = self.hosts[number].known.as_ref() == Some(&(revision.clone(), kind));
        let cost = u64::from(!(same && self.fleet.unchanged_is_free));
        let index = |length: u64| usize::try_from(self.now / length).unwrap_or(usize::MAX);
        let (hour, minute) = (index(HOUR), index(MINUTE));
        self.asked[minute] += 1;
        let used = self.counted[hour];
        let seconds = (HOUR - self.now % HOUR) / 1_000;
        if used >= self.fleet.limit {
            self.refused += 1;
            return verdict(VerdictKind::Unavailable, Some(Millis::seconds(seconds + 1)));
        }
        self.counted[hour] += cost;
        self.hosts[number].known = Some((revision.clone(), kind));
        let left = self.fleet.limit - used - cost;
        let wait =
            if left == 0 { Some(Millis::seconds(seconds + 1)) } else { Budget { left, seconds }.pace(cost) };
        verdict(kind, wait)
    }

    fn figures(mut self) -> Figures {
        self.waits.sort_unstable();
        let last = SystemPath::new(&format!("/nix/store/{COMMITS}"));
        Figures {
            hour: self.counted.iter().copied().max().unwrap_or_default(),
            minute: self.asked.iter().copied().max().unwrap_or_default(),
            refused: self.refused,
            median: self.waits.get(self.waits.len() / 2).copied().unwrap_or_default(),
            longest: self.waits.last().copied().unwrap_or_default(),
            arrived: self.hosts.iter().filter(|host| host.system == last).count(),
        }
    }
}

fn verdict(kind: VerdictKind, not_before: Option<Millis>) -> Verdict {
    let evidence = (kind == VerdictKind::Green).then_some(Evidence::Commit);
    Verdict { kind, evidence, detail: String::new(), checks: Vec::new(), not_before }
}

/// The table of docs/fleet.md.
#[must_use]
pub fn table() -> String {
    let mut table = "| hosts | identity | counted in the busiest hour | asked in the busiest minute | refused | green to activation: half of them, all | run the last commit |\n|---|---|---|---|---|---|---|\n".to_owned();
    for (identity, limit, unchanged_is_free, sizes) in [
        ("a token, 5,000 an hour", 5_000, true, &[1, 10, 100, 200, 1_000][..]),
        ("none, 60 an hour", 60, false, &[1, 3, 10]),
    ] {
        for hosts in sizes {
            let figures = live(Fleet { hosts: *hosts, limit, unchanged_is_free }, 1);
            let Figures { hour, minute, refused, median, longest, arrived } = figures;
            table += &format!(
                "| {hosts} | {identity} | {hour} | {minute} | {refused} | {median} s, {longest} s | {arrived} |\n"
            );
        }
    }
    table
}
