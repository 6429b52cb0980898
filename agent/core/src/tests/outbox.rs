//! What may leave, and when: with a disk that takes what is written, and with one that does not.

use alloc::borrow::ToOwned;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::machine::{EPOCH, Machine, build, fetched, host, policy, revision, verdict};
use crate::{
    Ancestry, Answer, Command, Due, Event, LookNumber, Millis, Mono, NotSaved, Now, Outbox, Outlives, Policy,
    Refusal, Released, SAVE_AGAIN, Saved, Unsaved, Verdict, VerdictKind, Wall, deadline,
};

/// An outbox with a clock. Callers are numbers.
struct Lab {
    outbox: Outbox<u32>,
    policy: Policy,
    now: u64,
}

impl Lab {
    /// Revision a is deployed, which is on disk; the first poll runs.
    fn new() -> Self {
        let saved = Machine::idle().state.saved();
        let mut lab = Self { outbox: Outbox::read(saved), policy: policy(), now: 1_000 };
        lab.tell(Event::Started { host: host('a', 'a') });
        let started = lab.on_disk();
        assert_eq!(started.commands, [Command::Poll { look: LookNumber(1) }]);
        lab
    }

    fn tell(&mut self, event: Event) {
        self.ask(event, None);
    }

    fn ask(&mut self, event: Event, caller: Option<u32>) {
        self.outbox.decide(&self.policy, self.clock(), event, caller);
    }

    fn clock(&self) -> Now {
        Now { wall: Wall(EPOCH + self.now), mono: Mono(self.now), entropy: 0 }
    }

    /// The tip of the branch is this one: something to be saved, and then to be fetched.
    fn sees(&mut self, tip: char) {
        let look = self.outbox.state().poll().in_flight.expect("a poll runs").look;
        self.tell(Event::Polled { look, host: host('a', 'a'), result: Ok(revision(tip)) });
    }

    /// What is there to be written.
    #[track_caller]
    fn unsaved(&mut self) -> Unsaved<u32> {
        match self.outbox.due() {
            Due::Save(unsaved) => unsaved,
            Due::Start(released) => panic!("on disk already: {released:?}"),
        }
    }

    /// What leaves without a save.
    #[track_caller]
    fn on_disk(&mut self) -> Released<u32> {
        match self.outbox.due() {
            Due::Start(released) => released,
            Due::Save(unsaved) => panic!("not on disk: {unsaved:?}"),
        }
    }

    /// What leaves, after a save where one is due.
    fn leaves(&mut self) -> Vec<Command> {
        match self.outbox.due() {
            Due::Start(released) => released.commands,
            Due::Save(unsaved) => self.outbox.saved(unsaved).commands,
        }
    }

    #[track_caller]
    fn saves(&mut self) -> Released<u32> {
        let unsaved = self.unsaved();
        self.outbox.saved(unsaved)
    }

    #[track_caller]
    fn fails(&mut self) -> Vec<(u32, Answer)> {
        let unsaved = self.unsaved();
        self.outbox.failed(unsaved, "the disk is full".to_owned())
    }
}

fn pause() -> Event {
    Event::PauseRequested { until: None, reason: None, by: "poby".to_owned() }
}

fn fetch(look: u64, digit: char) -> Command {
    Command::Fetch {
        look: LookNumber(look),
        revision: revision(digit),
        base: Some(revision('a')),
        held: Vec::new(),
    }
}

fn check(look: u64, digit: char) -> Command {
    Command::Check { look: LookNumber(look), revision: revision(digit) }
}

fn not_saved() -> Answer {
    Answer::NotSaved(NotSaved { error: "the disk is full".to_owned() })
}

#[test]
fn nothing_starts_before_its_save() {
    let mut lab = Lab::new();
    lab.sees('b');
    let unsaved = lab.unsaved();
    let tip = unsaved.saved().branch.tip.as_ref();
    assert_eq!(tip.map(|tip| &tip.revision), Some(&revision('b')));
    assert_eq!(**unsaved.saved(), lab.outbox.state().saved());
    assert_eq!(lab.outbox.saved(unsaved).commands, [fetch(2, 'b')]);
    assert!(lab.on_disk().commands.is_empty(), "once is enough");
}

#[test]
fn what_is_seen_need_not_outlive_the_power_and_what_is_done_must() {
    let mut lab = Lab::new();
    lab.sees('b');
    let seen = lab.unsaved();
    assert_eq!(seen.outlives(), Outlives::Process, "a look waits, and finds it again");
    assert_eq!(lab.outbox.saved(seen).commands, [fetch(2, 'b')]);
    lab.ask(Event::Nudged { revision: None }, Some(7));
    let told = lab.unsaved();
    assert_eq!(told.outlives(), Outlives::Power, "somebody is told, although nothing is new");
    assert_eq!(lab.outbox.saved(told).answers, [(7, Answer::Done)]);
    lab.tell(Event::Fetched { look: LookNumber(2), result: Ok(fetched(Ancestry::Descendant)) });
    assert_eq!(lab.saves().commands, [check(3, 'b')]);
    lab.tell(Event::Checked { look: LookNumber(3), verdict: verdict(VerdictKind::Green) });
    let begun = lab.unsaved();
    assert_eq!(begun.outlives(), Outlives::Power);
    assert_eq!(lab.outbox.saved(begun).commands, [build(3, 2, 'b')]);
    lab.tell(pause());
    assert_eq!(lab.unsaved().outlives(), Outlives::Power, "the ledger is new, and nobody asks");
}

#[test]
fn what_was_read_outlives_the_power_before_the_host_is_touched_again() {
    let saved = Machine::building().state.saved();
    let mut lab = Lab { outbox: Outbox::read(saved.clone()), policy: policy(), now: 1_000 };
    lab.tell(Event::Started { host: host('a', 'a') });
    let unsaved = lab.unsaved();
    assert_eq!((&**unsaved.saved(), unsaved.outlives()), (&saved, Outlives::Power));
    let commands = lab.outbox.saved(unsaved).commands;
    assert!(commands.contains(&build(3, 2, 'b')), "{commands:?}");
}

#[test]
fn what_is_decided_while_a_save_is_under_way_waits_for_the_next_one() {
    let mut lab = Lab::new();
    lab.sees('b');
    let first = lab.unsaved();
    lab.tell(Event::Fetched { look: LookNumber(2), result: Ok(fetched(Ancestry::Descendant)) });
    lab.ask(pause(), Some(7));
    let released = lab.outbox.saved(first);
    assert_eq!((released.commands, released.answers), (alloc::vec![fetch(2, 'b')], Vec::new()));
    let released = lab.saves();
    assert_eq!(
        (released.commands, released.answers),
        (alloc::vec![check(3, 'b')], alloc::vec![(7, Answer::Done)])
    );
}

#[test]
fn what_is_on_disk_is_not_written_again() {
    let mut lab = Lab::new();
    lab.now += 20_000;
    lab.tell(Event::Nudged { revision: None });
    assert!(lab.on_disk().commands.is_empty(), "a poll runs already");
    lab.sees('a');
    assert_eq!(lab.on_disk().commands, [Command::Poll { look: LookNumber(2) }]);
}

#[test]
fn what_was_never_written_is_written_first() {
    let mut lab = Lab { outbox: Outbox::unwritten(Saved::default()), policy: policy(), now: 1_000 };
    lab.tell(Event::Started { host: host('a', 'a') });
    assert_eq!(lab.saves().commands, [Command::Poll { look: LookNumber(1) }]);
}

#[test]
fn nothing_starts_after_a_failed_save_and_everything_once_and_in_order_after_the_next_good_one() {
    let mut lab = Lab::new();
    lab.sees('b');
    assert!(lab.fails().is_empty());
    lab.tell(Event::Fetched { look: LookNumber(2), result: Ok(fetched(Ancestry::Descendant)) });
    assert!(lab.fails().is_empty());
    lab.tell(Event::Checked { look: LookNumber(3), verdict: verdict(VerdictKind::Green) });
    assert!(lab.fails().is_empty());
    lab.now += 20_000;
    lab.tell(Event::Nudged { revision: None });
    assert!(lab.fails().is_empty());
    let expected = [fetch(2, 'b'), check(3, 'b'), build(3, 2, 'b'), Command::Poll { look: LookNumber(4) }];
    assert_eq!(lab.saves().commands, expected);
    assert!(lab.on_disk().commands.is_empty());
}

#[test]
fn what_failed_is_written_again_even_when_it_is_as_it_was() {
    let mut lab = Lab::new();
    let before = lab.outbox.state().saved();
    lab.tell(pause());
    assert!(lab.fails().is_empty());
    lab.tell(Event::ResumeRequested);
    let unsaved = lab.unsaved();
    assert_eq!(**unsaved.saved(), before, "but the pause may be what is on disk");
}

#[test]
fn looks_do_not_pile_up_while_the_disk_is_full() {
    let mut lab = Lab::new();
    lab.sees('b');
    lab.tell(Event::Fetched { look: LookNumber(2), result: Ok(fetched(Ancestry::Descendant)) });
    lab.tell(Event::Checked { look: LookNumber(3), verdict: verdict(VerdictKind::Green) });
    assert!(lab.fails().is_empty());
    let mut looks = 0;
    while lab.now < 86_400_000 {
        lab.now = deadline(&lab.policy, lab.outbox.state(), lab.clock()).expect("a poll is to come").0;
        lab.tell(Event::DeadlinePassed);
        lab.tell(Event::RetryRequested { revision: None });
        assert!(lab.fails().is_empty());
        looks += 1;
    }
    assert!(looks > 100, "{looks}");
    let state = lab.outbox.state().clone();
    let commands = lab.saves().commands;
    let polls = commands.iter().filter(|command| matches!(command, Command::Poll { .. })).count();
    let fetches = commands.iter().filter(|command| matches!(command, Command::Fetch { .. })).count();
    assert_eq!((polls, fetches), (1, 1), "{commands:?}");
    if let Some(in_flight) = state.poll().in_flight {
        assert!(commands.contains(&Command::Poll { look: in_flight.look }), "the newest");
    }
    let in_flight = state.fetch().in_flight.expect("each retry begins with a fetch");
    let is_newest =
        |command: &Command| matches!(command, Command::Fetch { look, .. } if *look == in_flight.look);
    assert!(commands.iter().any(is_newest), "the newest");
    assert!(
        commands.contains(&build(3, 2, 'b')),
        "what touches the host is none to be given up: {commands:?}"
    );
    assert!(commands.len() <= 4, "{commands:?}");
}

#[test]
fn a_question_that_waits_for_the_disk_is_asked_after_the_forge_wanted_to_be_left_alone() {
    let mut lab = Lab::new();
    let seen = lab.now;
    lab.sees('b');
    assert_eq!(lab.leaves(), [fetch(2, 'b')]);
    lab.tell(Event::Fetched { look: LookNumber(2), result: Ok(fetched(Ancestry::Descendant)) });
    assert_eq!(lab.leaves(), [check(3, 'b')]);
    lab.tell(Event::Checked { look: LookNumber(3), verdict: verdict(VerdictKind::Pending) });
    lab.leaves();
    lab.now = seen + 595_000;
    lab.tell(Event::DeadlinePassed);
    let asked = lab.leaves();
    let [Command::Check { look, .. }, ..] = asked[..] else { panic!("{asked:?}") };
    lab.tell(pause());
    assert!(lab.fails().is_empty());
    lab.now += 6_000;
    lab.tell(Event::DeadlinePassed);
    assert!(lab.outbox.state().looking_back().in_flight.is_some(), "it waits for the disk");

    let quiet = Verdict { not_before: Some(Millis::seconds(300)), ..verdict(VerdictKind::Unavailable) };
    lab.tell(Event::Checked { look, verdict: quiet });
    let from = lab.now + 300_000;
    assert_eq!(lab.outbox.state().looking_back().in_flight, None, "nobody awaits it");
    let asks = |commands: &[Command]| {
        let mut questions = commands.iter();
        questions.any(|it| matches!(it, Command::Check { .. } | Command::LookBack { .. }))
    };
    let mut commands = lab.leaves();
    while !asks(&commands) {
        lab.now = deadline(&lab.policy, lab.outbox.state(), lab.clock()).expect("a poll is to come").0;
        lab.tell(Event::DeadlinePassed);
        commands = lab.leaves();
    }
    assert!(lab.now >= from, "{commands:?} at {}, not before {from}", lab.now);
}

#[test]
fn answers_wait_for_the_disk() {
    let mut lab = Lab::new();
    lab.ask(pause(), Some(7));
    lab.ask(Event::ResumeRequested, Some(8));
    lab.ask(pause(), Some(9));
    let answers = lab.saves().answers;
    assert_eq!(answers, [(7, Answer::Done), (8, Answer::Done), (9, Answer::Done)]);
    assert!(lab.on_disk().answers.is_empty());
}

#[test]
fn a_change_of_nothing_is_answered_without_a_save() {
    let mut lab = Lab::new();
    lab.ask(Event::ResumeRequested, Some(7));
    assert_eq!(lab.saves().answers, [(7, Answer::Done)], "what was read may be on no disk yet");
    lab.ask(Event::ResumeRequested, Some(8));
    assert_eq!(lab.on_disk().answers, [(8, Answer::Done)]);
}

#[test]
fn an_answer_during_a_failed_save_is_not_saved() {
    let mut lab = Lab::new();
    lab.ask(pause(), Some(7));
    assert_eq!(lab.fails(), [(7, not_saved())]);
    lab.ask(Event::ResumeRequested, Some(8));
    assert_eq!(lab.fails(), [(8, not_saved())], "also what needs no save by itself");
    let Answer::NotSaved(why) = not_saved() else { panic!("it is one") };
    assert_eq!(why.to_string(), "the disk is full; it is tried again and takes effect then");
}

#[test]
fn a_second_failed_save_does_not_answer_twice() {
    let mut lab = Lab::new();
    lab.ask(pause(), Some(7));
    assert_eq!(lab.fails(), [(7, not_saved())]);
    assert_eq!(lab.fails(), []);
    assert_eq!(lab.saves().answers, []);
}

#[test]
fn a_refusal_is_one_whether_the_disk_is_full_or_not() {
    let mut lab = Lab::new();
    let refused = || Answer::Refused(Refusal::NotHeld { revision: revision('c') });
    lab.ask(Event::RetryRequested { revision: Some(revision('c')) }, Some(7));
    assert_eq!(lab.on_disk().answers, [(7, refused())]);
    lab.tell(pause());
    lab.ask(Event::RetryRequested { revision: Some(revision('c')) }, Some(8));
    assert_eq!(lab.fails(), [(8, refused())]);
}

#[test]
fn a_failed_save_is_told_and_tried_again_until_one_is_good() {
    let mut lab = Lab::new();
    assert_eq!((lab.outbox.error(), lab.outbox.save_again()), (None, None));
    lab.tell(pause());
    assert!(lab.fails().is_empty());
    assert_eq!((lab.outbox.error(), lab.outbox.save_again()), (Some("the disk is full"), Some(SAVE_AGAIN)));
    assert!(lab.saves().commands.is_empty());
    assert_eq!((lab.outbox.error(), lab.outbox.save_again()), (None, None));
}
