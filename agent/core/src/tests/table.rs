//! The table of `docs/states.md`: in each phase, what each event leads to. `UPDATE_DOCS=1` writes it.
extern crate std;

use super::machine::{Machine, before, failure, host, ill, revision, system, verdict};
use crate::{BuildEnd, Command, Event, Exit, Millis, Operation, Phase, ReasonCode, VerdictKind};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/states.md");
const BEGIN: &str = "<!-- table: begin -->\n";
const END: &str = "<!-- table: end -->";

/// The events of a row, and how each of them is called; none where it cannot be awaited.
fn events(machine: &Machine) -> Vec<(&'static str, Option<Event>)> {
    let step = machine.running_step();
    let building = matches!(machine.phase(), Some(Phase::Building { .. }));
    let activating = matches!(machine.phase(), Some(Phase::Activating { .. }));
    let back = matches!(machine.phase(), Some(Phase::RollingBack { .. }));
    let built = |end| step.filter(|_| building).map(|step| Event::Built { step, host: host('a', 'a'), end });
    let activated =
        |exit, host| step.filter(|_| activating).map(|step| Event::Activated { step, exit, host });
    let question = machine.state.work().question;
    let asked = |kind| {
        let host = machine.state.host.clone();
        question.map(|question| Event::CheckedAgain { look: question.look, host, verdict: verdict(kind) })
    };
    let rolled = |exit, host| step.filter(|_| back).map(|step| Event::Activated { step, exit, host });
    let probes = machine.state.work().probes;
    let probed = |failures| probes.map(|probes| Event::Probed { look: probes.look, failures });
    alloc::vec![
        ("started", Some(Event::Started { host: machine.state.host.clone() })),
        ("nudged", Some(Event::Nudged { revision: None })),
        ("paused", Some(Event::PauseRequested { until: None, reason: None, by: String::new() })),
        ("resumed", Some(Event::ResumeRequested)),
        ("settings changed", Some(Event::PolicyChanged { source_changed: false })),
        ("checked again, green", asked(VerdictKind::Green)),
        ("checked again, pending", asked(VerdictKind::Pending)),
        ("checked again, red", asked(VerdictKind::Red)),
        ("checked again, the forge is down", asked(VerdictKind::Unavailable)),
        ("built", built(BuildEnd::Built(system('b')))),
        ("built what runs already", built(BuildEnd::Built(system('a')))),
        ("build failed for good", built(failure(ReasonCode::BuildFailed))),
        ("build failed in passing", built(failure(ReasonCode::Network))),
        ("build stalled", built(failure(ReasonCode::BuildStalled))),
        ("switched, exit 0", activated(Exit::Code(0), host('b', 'b'))),
        ("switched, exit 0, another system runs", activated(Exit::Code(0), host('c', 'c'))),
        ("switched, exit 1, nothing activated", activated(Exit::Code(1), host('a', 'a'))),
        ("switched, exit 2", activated(Exit::Code(2), host('b', 'b'))),
        ("switched, exit 4", activated(Exit::Code(4), host('b', 'b'))),
        ("switched, exit 100, nothing activated", activated(Exit::Code(100), host('a', 'a'))),
        ("switched, exit 101", activated(Exit::Code(101), host('b', 'b'))),
        ("switch busy", activated(Exit::Busy, host('a', 'a'))),
        ("switch busy, the boot default not set back", activated(Exit::Busy, host('a', 'b'))),
        ("switch killed", activated(Exit::Killed, host('a', 'a'))),
        ("switch killed, the links have moved", activated(Exit::Killed, host('b', 'b'))),
        ("switch not started", activated(before(ReasonCode::DiskFull, "no space"), host('a', 'a'))),
        ("probes passed", probed(Vec::new())),
        ("a probe failed", probed(ill(&["a unit failed"]))),
        ("back, the recorded system runs", rolled(Exit::Code(0), host('a', 'a'))),
        ("back, exit 1", rolled(Exit::Code(1), host('b', 'b'))),
        ("back, not started", rolled(before(ReasonCode::DiskFull, "no space"), host('b', 'b'))),
        ("back, busy", rolled(Exit::Busy, host('b', 'b'))),
    ]
}

/// What an event leads to, in a few words.
fn told(machine: &Machine, event: Event) -> String {
    let mut after = machine.clone();
    after.now += 1_500;
    let commands = after.tell(event);
    told_of(machine, &after, &commands)
}

fn told_of(machine: &Machine, after: &Machine, commands: &[Command]) -> String {
    let mut words: Vec<String> = commands.iter().map(name).collect();
    let ended = after.state.ledger.history.len() > machine.state.ledger.history.len();
    if let Some(record) = after.state.ledger.history.last().filter(|_| ended) {
        words.push(format!("**{}**", record.outcome.as_str()));
    }
    if after.state.ledger.held.len() > machine.state.ledger.held.len() {
        words.push("held".into());
    }
    let (before, now) = (phase(machine), phase(after));
    if before != now {
        words.push(format!("→ {now}"));
    }
    if words.is_empty() { "–".into() } else { words.join(", ") }
}

fn name(command: &Command) -> String {
    let name = match command {
        Command::Poll { .. } => "poll",
        Command::Fetch { .. } => "fetch",
        Command::Check { .. } => "check",
        Command::CheckAgain { .. } => "check again",
        Command::LookBack { .. } => "look below the tip",
        Command::Build { .. } => "build",
        Command::CancelBuild { .. } => "cancel build",
        Command::Activate { operation: Operation::Switch { .. }, .. } => "switch",
        Command::Activate { operation: Operation::Back, .. } => "switch back",
        Command::Probe { .. } => "probe",
        Command::Forget { .. } => "forget",
    };
    format!("`{name}`")
}

fn phase(machine: &Machine) -> &'static str {
    match machine.phase() {
        Some(Phase::Building { .. }) => "building",
        Some(Phase::Ready { killed: 1.., .. }) => "ready, half-way",
        Some(Phase::Ready { .. }) if machine.state.work().awaits_verdict => "ready, verdict old",
        Some(Phase::Ready { busy: false, .. }) => "ready, paused",
        Some(Phase::Activating { .. }) => "activating",
        Some(Phase::Ready { busy: true, .. }) => "ready, busy",
        Some(Phase::Confirming { .. }) => "confirming",
        Some(Phase::RollingBack { .. }) => "rolling back",
        None => machine.state.phase_name().as_str(),
    }
}

fn table() -> String {
    let mut text = String::from("| in | when | then |\n|---|---|---|\n");
    for (name, machine) in Machine::phases() {
        for (event, told) in rows(&machine) {
            writeln!(text, "| {name} | {event} | {told} |").expect("a string takes everything");
        }
    }
    text
}

fn rows(machine: &Machine) -> Vec<(&'static str, String)> {
    let mut rows: Vec<_> =
        events(machine).into_iter().filter_map(|(name, event)| Some((name, told(machine, event?)))).collect();
    let mut green = machine.clone();
    green.sees_quickly('d');
    if let Some(question) = green.state.gate().in_flight {
        let event = Event::Checked { look: question.look, verdict: verdict(VerdictKind::Green) };
        rows.push(("a newer tip is green", told(&green, event)));
    }
    let mut back = machine.clone();
    back.now += 2_000;
    back.tell(Event::Nudged { revision: None });
    rows.push(("the deployed tip again", told(&back, back.polled_event(Ok(revision('a'))))));
    if phase(machine) == "gating" {
        let mut stuck = machine.clone();
        let commands = stuck.until_look_back('b');
        rows.push(("the tip is not green for ten minutes", told_of(machine, &stuck, &commands)));
        rows.push(("a commit below the tip is green", told(&stuck, stuck.looked_back_event('c'))));
        rows.push(("none below the tip is green", told(&stuck, stuck.nothing_below_event())));
    }
    if let Some(Phase::Ready { busy: true, .. }) = machine.phase() {
        let mut later = machine.clone();
        let commands = later.wait_until(machine.state.work().next.0);
        rows.push(("the wait for the other activation is over", told_of(machine, &later, &commands)));
    }
    if phase(machine) == "confirming" {
        let mut late = machine.clone();
        late.policy.health_deadline = Millis(0);
        let failed = Event::Probed { look: late.look(), failures: ill(&["a unit failed"]) };
        rows.push(("a probe failed, past the deadline", told(&late, failed)));
    }
    rows
}

impl Machine {
    /// A nudge brings this tip, so that no other timer comes in between.
    fn sees_quickly(&mut self, tip: char) {
        self.now += 2_000;
        self.tell(Event::Nudged { revision: None });
        self.polled(tip);
        if self.state.fetch().in_flight.is_some() {
            self.fetched(crate::Ancestry::Descendant);
        }
    }
}

#[test]
fn the_table_in_the_book_is_what_the_core_does() {
    let page = std::fs::read_to_string(FILE).expect("the page is there");
    let (head, rest) = page.split_once(BEGIN).expect("the page has a table");
    let (written, foot) = rest.split_once(END).expect("the table ends");
    let table = table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(FILE, format!("{head}{BEGIN}{table}{END}{foot}")).expect("the page can be written");
        return;
    }
    assert_eq!(written, table, "UPDATE_DOCS=1 cargo test -p pull-agent-core writes it anew");
}
