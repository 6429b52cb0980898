//! One sentence for every phase, and for each reason to wait.

use pull_agent_core::{
    Ancestry, BelowTip, Check, Event, Exit, GreenCommit, Millis, ReasonCode, Verdict, VerdictKind,
};

use super::summary;
use crate::lab::{Lab, host, revision, verdict};

/// What a lab's agent says, beside the sentence that is expected.
type Row = (fn() -> Lab, &'static str);

#[track_caller]
fn says(rows: &[Row]) {
    for (lab, expected) in rows {
        assert_eq!(summary(lab().state()), *expected);
    }
}

fn judged(kind: VerdictKind, detail: &str) -> Lab {
    let mut lab = Lab::gating();
    lab.judged(verdict(kind, detail));
    lab
}

fn pending(checks: &[(&str, Option<&str>)]) -> Lab {
    let check = |(name, conclusion): &(&str, Option<&str>)| Check {
        name: (*name).to_owned(),
        status: if conclusion.is_some() { "completed" } else { "in_progress" }.to_owned(),
        conclusion: conclusion.map(str::to_owned),
        url: None,
    };
    let mut lab = Lab::gating();
    let mut verdict = verdict(VerdictKind::Pending, "not done");
    verdict.checks = checks.iter().map(check).collect();
    lab.judged(verdict);
    lab
}

fn after(mut lab: Lab, act: impl FnOnce(&mut Lab)) -> Lab {
    act(&mut lab);
    lab
}

/// A poll brings this tip while what is deployed before goes on.
fn tip(lab: &mut Lab, tip: char) {
    lab.polls();
    lab.polled(Ok(tip));
}

#[test]
fn without_a_deployment_it_says_what_is_waited_for() {
    says(&[
        (Lab::new, "waiting for the first answer of the remote"),
        (Lab::idle, "up to date with aaaaaaa"),
        (
            || {
                after(Lab::idle(), |lab| {
                    lab.polls();
                    lab.polled_on(host('x', 'x'), Ok('a'));
                })
            },
            "up to date with aaaaaaa, but another system runs",
        ),
        (|| after(Lab::idle(), |lab| tip(lab, 'b')), "fetching bbbbbbb"),
        (Lab::gating, "asking the forge about bbbbbbb"),
    ]);
}

#[test]
fn each_verdict_that_does_not_pass_has_its_sentence() {
    says(&[
        (|| pending(&[("build", None), ("lint", Some("success"))]), "waiting for check build on bbbbbbb"),
        (|| pending(&[("build", None), ("lint", None)]), "waiting for checks build, lint on bbbbbbb"),
        (|| judged(VerdictKind::Red, "build ended in failure"), "bbbbbbb is red: build ended in failure"),
        (|| judged(VerdictKind::Unproven, "other tree"), "bbbbbbb is unproven: other tree"),
        (
            || judged(VerdictKind::Unavailable, "the forge answered 502"),
            "no verdict on bbbbbbb: the forge answered 502",
        ),
    ]);
}

#[test]
fn a_tip_that_is_not_tried_says_why() {
    says(&[
        (
            || after(Lab::building(), |lab| lab.build_failed(ReasonCode::BuildFailed, "gcc failed")),
            "bbbbbbb is held: failed: gcc failed",
        ),
        (
            Lab::rolled_back,
            "bbbbbbb is held: rolled back: the switch ended with exit code 2 (the activation script failed)",
        ),
        (
            || {
                after(Lab::idle(), |lab| {
                    tip(lab, 'c');
                    lab.fetched(Ancestry::NotDescendant("it is older".to_owned()));
                })
            },
            "ccccccc is refused: it is older",
        ),
        (
            || after(Lab::building(), |lab| lab.build_failed(ReasonCode::Network, "cache 503")),
            "bbbbbbb failed for a reason that may pass, waiting to try it again",
        ),
    ]);
}

#[test]
fn a_new_tip_is_told_when_the_forge_wants_to_be_left_alone() {
    let mut lab = Lab::gating();
    let limited = verdict(VerdictKind::Unavailable, "it is the rate limit");
    lab.judged(Verdict { not_before: Some(Millis::seconds(3600)), ..limited });
    tip(&mut lab, 'c');
    lab.fetched(Ancestry::Descendant);
    let sentence = summary(lab.state());
    assert!(sentence.starts_with("the forge is to be left alone until 20"), "{sentence}");
    assert!(sentence.ends_with("it is asked about ccccccc then"), "{sentence}");
    lab.pass_until(|state| state.gate().in_flight.is_some());
    let sentence = summary(lab.state());
    assert!(sentence.starts_with("asking the forge about ccccccc"), "{sentence}");
}

#[test]
fn what_is_built_and_waits_for_the_forge_says_why() {
    let mut lab = Lab::building();
    lab.pass(600_001);
    lab.built('b', host('a', 'a'));
    let expected =
        "bbbbbbb is built; the forge is asked once more before it is activated, since its word is old";
    assert!(summary(lab.state()).starts_with(expected), "{}", summary(lab.state()));
    lab.judged_again(verdict(VerdictKind::Pending, "check build is in_progress"));
    let expected =
        "bbbbbbb is built; the forge is asked again before it is activated: check build is in_progress";
    assert!(summary(lab.state()).starts_with(expected), "{}", summary(lab.state()));
}

#[test]
fn an_older_one_that_is_deployed_instead_is_named() {
    let mut lab = Lab::gating();
    lab.judged(verdict(VerdictKind::Red, "check build ended in failure"));
    lab.pause();
    lab.pass_until(|state| state.looking_back().in_flight.is_some());
    let look = lab.state().looking_back().in_flight.expect("a look waits").look;
    let green = GreenCommit {
        revision: revision('c'),
        subject: "useful".to_owned(),
        author: "poby".to_owned(),
        verdict: verdict(VerdictKind::Green, "1 of 1 checks passed"),
    };
    lab.tell(Event::LookedBack { look, result: Ok(BelowTip { green: Some(green), not_before: None }) });
    let sentence = summary(lab.state());
    assert!(
        sentence.contains("ccccccc, the newest green commit below it, is deployed instead"),
        "{sentence}"
    );
}

#[test]
fn each_phase_of_a_deployment_has_its_sentence() {
    says(&[
        (Lab::building, "building bbbbbbb"),
        (
            || {
                after(Lab::building(), |lab| {
                    lab.sees('c');
                    lab.green();
                })
            },
            "ending the build of bbbbbbb for a newer revision",
        ),
        (
            || after(Lab::activating(), |lab| lab.activated(Exit::Busy, host('a', 'a'))),
            "bbbbbbb is built; another activation is at work, trying again",
        ),
        (Lab::activating, "switching to bbbbbbb"),
        (
            || after(Lab::activating(), |lab| lab.activated(Exit::Code(0), host('b', 'b'))),
            "bbbbbbb runs, probing its health",
        ),
        (Lab::probing, "bbbbbbb runs, probing its health"),
        (
            || after(Lab::probing(), |lab| lab.probed(&["nginx does not answer", "disk is full"])),
            "bbbbbbb runs, waiting until it is healthy: nginx does not answer",
        ),
        (
            Lab::rolling_back,
            "going back from bbbbbbb: the switch ended with exit code 2 (the activation script failed)",
        ),
        (
            || {
                after(Lab::probing(), |lab| {
                    lab.policy.health_deadline = Millis::seconds(11);
                    lab.probed(&["nginx does not answer", "disk is full"]);
                    lab.pass(1_000);
                })
            },
            "going back from bbbbbbb: nginx does not answer; disk is full",
        ),
    ]);
}

#[test]
fn a_pause_is_told_first_with_its_end() {
    let until = |lab: &mut Lab| {
        let until = pull_agent_core::Wall(lab.wall().0 + 3_600_000);
        lab.tell(Event::PauseRequested { until: Some(until), reason: None, by: "poby".to_owned() });
        crate::clock::rfc3339(until)
    };
    let mut lab = Lab::new();
    let end = until(&mut lab);
    assert_eq!(end, "2023-11-14T23:13:20Z");
    let expected = format!("paused until {end}; waiting for the first answer of the remote");
    assert_eq!(summary(lab.state()), expected);
    says(&[
        (|| after(Lab::idle(), Lab::pause), "paused; up to date with aaaaaaa"),
        (
            || {
                after(Lab::building(), |lab| {
                    lab.pause();
                    lab.built('b', host('a', 'a'));
                })
            },
            "paused; bbbbbbb is built and waits for the end of the pause",
        ),
        (
            || {
                after(Lab::activating(), |lab| {
                    lab.pause();
                    lab.activated(Exit::Busy, host('a', 'a'));
                })
            },
            "paused; bbbbbbb is built and waits for the end of the pause",
        ),
    ]);
}

#[test]
fn a_remote_that_fails_is_told_last_and_the_poll_before_the_fetch() {
    let unfetched = || {
        after(Lab::idle(), |lab| {
            tip(lab, 'b');
            lab.fetch_ended(Err("the pack was cut off".to_owned()));
        })
    };
    assert_eq!(
        summary(unfetched().state()),
        "fetching bbbbbbb; the remote cannot be fetched from: the pack was cut off"
    );
    let both = after(unfetched(), |lab| {
        lab.polls();
        lab.polled(Err("HTTP 502"));
    });
    assert_eq!(summary(both.state()), "fetching bbbbbbb; the remote cannot be polled: HTTP 502");
    let again = after(both, |lab| tip(lab, 'b'));
    assert!(summary(again.state()).ends_with("the pack was cut off"), "a good poll is no good fetch");
}

#[test]
fn texts_from_outside_stay_on_one_line() {
    let lab = judged(VerdictKind::Red, "failure\nMAINPID=1");
    assert_eq!(summary(lab.state()), "bbbbbbb is red: failure MAINPID=1");
}
