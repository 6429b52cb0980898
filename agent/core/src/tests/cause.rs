//! Reasons, one by one: the word, the sentence, and what follows.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use pull_agent_protocol::Outcome;

use super::machine::{ill, revision};
use crate::{Cause, Consequence, EndedBy, Probe, ProbeFailure, ReasonCode};

fn switch(by: EndedBy, activated: bool) -> Cause {
    Cause::SwitchEnded { by, activated }
}

fn remote() -> ProbeFailure {
    ProbeFailure { probe: Probe::Remote, sentence: "the git remote cannot be reached".to_string() }
}

fn unit() -> ProbeFailure {
    ProbeFailure { probe: Probe::Units, sentence: "unit a.service is failed".to_string() }
}

/// Every cause, its word, and its sentence.
fn all() -> Vec<(Cause, &'static str, &'static str)> {
    let back = Cause::WayBackFailed {
        cause: Box::new(Cause::SwitchKilled),
        tries: 3,
        last: "another activation is at work".to_string(),
    };
    alloc::vec![
        (Cause::told(ReasonCode::Network, "HTTP error 503"), "network", "HTTP error 503"),
        (
            Cause::RunningSystemUnreadable,
            "host-fault",
            "the running system could not be read, so there would be no way back",
        ),
        (
            switch(EndedBy::Code(1), false),
            "activation-failed",
            "the switch ended with exit code 1 before anything was activated",
        ),
        (
            switch(EndedBy::Code(2), true),
            "activation-script-failed",
            "the switch ended with exit code 2 (the activation script failed)",
        ),
        (
            switch(EndedBy::Code(4), true),
            "units-failed",
            "the switch ended with exit code 4 (some units failed)",
        ),
        (
            switch(EndedBy::Code(100), false),
            "activation-failed",
            "the switch ended with exit code 100 (a reboot is required) before anything was activated",
        ),
        (
            switch(EndedBy::Code(101), true),
            "activation-failed",
            "the switch ended with exit code 101 (the switch panicked)",
        ),
        (switch(EndedBy::Signal(9), true), "activation-failed", "the switch was ended by signal 9"),
        (Cause::SwitchKilled, "killed", "the switch was killed each time before it could end"),
        (
            Cause::OtherSystemRuns,
            "wrong-system",
            "the switch ended well, but another system runs than was built",
        ),
        (Cause::FormerSystemRuns, "wrong-system", "the system that ran before runs again"),
        (Cause::UnitsFailedUnprobed, "units-failed", "the switch ended with exit code 4: some units failed",),
        (
            Cause::Unhealthy(alloc::vec![remote(), unit()]),
            "units-failed",
            "the git remote cannot be reached; unit a.service is failed",
        ),
        (Cause::Unhealthy(ill(&["probe web: exit code 22"])), "probe-failed", "probe web: exit code 22"),
        (Cause::Unhealthy(alloc::vec![remote()]), "remote-unreachable", "the git remote cannot be reached",),
        (
            Cause::AgentDied { starts: 5 },
            "probe-failed",
            "the agent started 5 times under it, and no round of probes ended",
        ),
        (Cause::NoProbeEnded, "probe-failed", "no probe ended within the deadline"),
        (
            Cause::Withdrawn { tip: revision('a') },
            "withdrawn",
            "it was taken back: the tip of the branch is aaaaaaa",
        ),
        (
            back,
            "rollback-failed",
            "the switch was killed each time before it could end; the way back failed 3 times: another \
             activation is at work",
        ),
    ]
}

#[test]
fn every_cause_has_its_word_and_its_sentence() {
    for (cause, word, sentence) in all() {
        assert_eq!(cause.code().map(ReasonCode::as_str), Some(word), "{cause:?}");
        assert_eq!(cause.sentence(), sentence, "{cause:?}");
    }
}

#[test]
fn a_newer_revision_is_no_failure_and_has_no_word() {
    let cause = Cause::Overtaken { tip: revision('c') };
    assert_eq!((cause.code(), cause.sentence().as_str()), (None, "ccccccc is newer and green"));
}

#[test]
fn what_follows_is_what_the_word_says() {
    use Consequence::{Hold, TryAgain, TryTwice};
    let expected = [
        ("evaluation-failed", Hold),
        ("build-failed", Hold),
        ("build-stalled", TryTwice),
        ("build-timeout", TryTwice),
        ("out-of-memory", TryTwice),
        ("disk-full", TryAgain),
        ("network", TryAgain),
        ("host-fault", TryAgain),
        ("activation-failed", Hold),
        ("activation-script-failed", Hold),
        ("units-failed", Hold),
        ("probe-failed", Hold),
        ("remote-unreachable", Hold),
        ("wrong-system", Hold),
        ("killed", Hold),
        ("withdrawn", TryAgain),
        ("rollback-failed", Hold),
        ("unclassified", Hold),
    ];
    let found = ReasonCode::ALL.map(|code| (code.as_str(), code.consequence()));
    assert_eq!(found, expected);
}

#[test]
fn a_word_is_read_back_and_an_unknown_one_is_held() {
    for code in ReasonCode::ALL {
        assert_eq!(ReasonCode::read(code.as_str()), code);
    }
    assert_eq!(ReasonCode::read("struck-by-lightning"), ReasonCode::Unclassified);
}

#[test]
fn a_hold_says_how_it_ended_and_why() {
    let cause = Cause::told(ReasonCode::BuildFailed, "why");
    let said = |outcome| crate::cause::of_hold(outcome, Some(&cause));
    assert_eq!(said(Outcome::Failed), "failed: why");
    assert_eq!(said(Outcome::RolledBack), "rolled back: why");
    assert_eq!(said(Outcome::Broken), "the way back failed: why");
    assert_eq!(crate::cause::of_hold(Outcome::Failed, None), "failed: no reason is known");
}
