//! What runs, what is wanted, what is done.

use pull_agent_core::{
    Ancestry, Check, Event, Evidence, Exit, Fetched, HostView, ReasonCode, VerdictKind, Wall,
};
use pull_agent_protocol::{self as wire, Phase, Trigger};

use crate::clock::rfc3339;
use crate::lab::{Lab, host, revision, system, verdict};

fn id(digit: char) -> String {
    revision(digit).to_string()
}

fn phase(lab: &Lab) -> (Phase, Option<Phase>) {
    let status = lab.status();
    (status.phase, status.current.map(|current| current.phase))
}

#[test]
fn an_agent_that_just_started_knows_what_runs_and_nothing_more() {
    let status = Lab::new().status();
    let agent = wire::Agent {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: "2023-11-14T22:13:20Z".to_owned(),
        pid: 812,
        runner: "systemd".to_owned(),
    };
    assert_eq!((status.version, status.host.as_str(), status.agent), (1, "yggdrasil", agent));
    assert_eq!((status.phase, status.since.as_str()), (Phase::Idle, "2023-11-14T22:13:20Z"));
    assert_eq!(
        status.running,
        wire::Running {
            system: Some("/nix/store/0".to_owned()),
            revision: None,
            deployed_at: None,
            drift: false
        }
    );
    assert_eq!((status.wanted, status.gate, status.current, status.refused), (None, None, None, None));
    assert_eq!((status.paused, status.held, status.last_deployment), (None, Vec::new(), None));
    let source = wire::Source {
        url: "https://github.com/poby/infra".to_owned(),
        branch: "main".to_owned(),
        last_poll_at: None,
        last_success_at: None,
        error: None,
    };
    assert_eq!(status.source, source);
}

#[test]
fn what_runs_is_named_by_the_deployment_that_brought_it() {
    let lab = Lab::idle();
    let status = lab.status();
    let confirmed = lab.state().ledger().deployed.as_ref().expect("one").at;
    let running = wire::Running {
        system: Some("/nix/store/a".to_owned()),
        revision: Some(id('a')),
        deployed_at: Some(rfc3339(confirmed)),
        drift: false,
    };
    assert_eq!(status.running, running);
    assert_eq!((status.wanted, status.phase), (None, Phase::Idle));
    assert_eq!(status.last_deployment.map(|it| (it.id, it.revision)), Some((1, id('a'))));
}

#[test]
fn another_system_than_the_deployed_one_is_drift() {
    let mut lab = Lab::idle();
    lab.polls();
    lab.polled_on(host('x', 'x'), Ok('a'));
    let running = lab.status().running;
    assert_eq!((running.drift, running.revision, running.deployed_at), (true, None, None));
    assert_eq!(running.system.as_deref(), Some("/nix/store/x"));
}

#[test]
fn the_new_system_of_the_deployment_in_progress_is_no_drift_and_a_third_one_is() {
    let mut lab = Lab::probing();
    let running = lab.status().running;
    assert_eq!((running.system.as_deref(), running.drift), (Some("/nix/store/b"), false));
    assert_eq!(running.revision, None, "it is not confirmed yet");
    assert!(!Lab::rolling_back().status().running.drift);
    lab.polls();
    lab.polled_on(host('x', 'b'), Ok('b'));
    assert!(lab.status().running.drift);
}

#[test]
fn a_system_of_the_history_is_known_although_another_one_is_the_deployed() {
    let mut lab = Lab::probing();
    lab.probed(&[]);
    let first = lab.state().ledger().history[0].finished_at;
    lab.polls();
    lab.polled_on(host('a', 'a'), Ok('b'));
    let running = lab.status().running;
    assert_eq!((running.revision, running.drift), (Some(id('a')), true));
    assert_eq!(running.deployed_at, Some(rfc3339(first)));
}

#[test]
fn the_wanted_tip_has_its_words_once_it_is_fetched() {
    let mut lab = Lab::idle();
    lab.polls();
    lab.polled(Ok('b'));
    let seen_at = rfc3339(lab.wall());
    let wanted = lab.status().wanted.expect("a tip");
    assert_eq!((wanted.subject, wanted.author), (None, None));
    lab.pass(5_000);
    lab.fetched(Ancestry::Descendant);
    let wanted = wire::Wanted {
        revision: id('b'),
        subject: Some("grafana: 11.3".to_owned()),
        author: Some("poby".to_owned()),
        seen_at,
    };
    assert_eq!(lab.status().wanted, Some(wanted));
    assert_eq!(lab.status().gate, None, "nobody has judged it yet");
}

#[test]
fn the_gate_shows_the_verdict_with_its_checks() {
    let mut lab = Lab::gating();
    let check = |name: &str, status: &str, conclusion: Option<&str>| Check {
        name: name.to_owned(),
        status: status.to_owned(),
        conclusion: conclusion.map(str::to_owned),
        url: conclusion.map(|_| format!("https://github.com/{name}")),
    };
    let mut pending = verdict(VerdictKind::Pending, "1 of 2 checks in progress");
    pending.checks = vec![check("build", "completed", Some("success")), check("lint", "queued", None)];
    lab.judged(pending);
    let shown = |name: &str, status: &str, conclusion: Option<&str>, url: Option<&str>| wire::Check {
        name: name.to_owned(),
        status: status.to_owned(),
        conclusion: conclusion.map(str::to_owned),
        url: url.map(str::to_owned),
    };
    let gate = wire::Gate {
        verdict: "pending".to_owned(),
        evidence: None,
        detail: "1 of 2 checks in progress".to_owned(),
        checks: vec![
            shown("build", "completed", Some("success"), Some("https://github.com/build")),
            shown("lint", "queued", None, None),
        ],
    };
    assert_eq!(lab.status().gate, Some(gate));
    assert_eq!(phase(&lab), (Phase::Gating, None));
}

#[test]
fn each_verdict_and_each_evidence_has_its_word() {
    for (kind, evidence, word, proof) in [
        (VerdictKind::Green, Some(Evidence::Commit), "green", Some("commit")),
        (VerdictKind::Green, Some(Evidence::PullRequest), "green", Some("pull-request")),
        (VerdictKind::Off, None, "off", None),
        (VerdictKind::Pending, None, "pending", None),
        (VerdictKind::Red, None, "red", None),
        (VerdictKind::Unproven, None, "unproven", None),
        (VerdictKind::Unavailable, None, "unavailable", None),
    ] {
        let mut lab = Lab::gating();
        lab.judged(pull_agent_core::Verdict { evidence, ..verdict(kind, "") });
        let gate = lab.status().gate.expect("a verdict");
        assert_eq!((gate.verdict.as_str(), gate.evidence.as_deref()), (word, proof));
        let expected = if kind.passes() { Phase::Building } else { Phase::Gating };
        assert_eq!(lab.status().phase, expected, "{word}");
    }
}

#[test]
fn the_deployment_in_progress_has_the_phase_of_the_document() {
    let mut waits = Lab::building();
    waits.pause();
    waits.built('b', host('a', 'a'));
    let mut busy = Lab::activating();
    busy.activated(Exit::Busy, host('a', 'a'));
    for (lab, expected) in [
        (Lab::building(), Phase::Building),
        (waits, Phase::Ready),
        (busy, Phase::Ready),
        (Lab::activating(), Phase::Activating),
        (Lab::probing(), Phase::Confirming),
        (Lab::rolling_back(), Phase::RollingBack),
    ] {
        assert_eq!(phase(&lab), (expected, Some(expected)));
        let current = lab.status().current.expect("a deployment");
        assert_eq!((current.id, current.revision, current.trigger), (2, id('b'), Trigger::Poll));
        assert_eq!(current.subject, "grafana: 11.3");
        let (_, since) = lab.state().shown_phase().expect("a phase");
        assert_eq!(lab.status().since, rfc3339(since));
    }
}

#[test]
fn the_phase_counts_from_its_own_beginning() {
    let mut lab = Lab::building();
    let begun = rfc3339(lab.wall());
    lab.pass(7_000);
    let status = lab.status();
    assert_eq!(status.since, begun);
    assert_eq!(status.current.expect("a deployment").started_at, begun);
    lab.built('b', host('a', 'a'));
    let status = lab.status();
    assert_eq!(status.since, rfc3339(lab.wall()));
    assert_eq!(status.current.expect("a deployment").started_at, begun);
}

#[test]
fn a_refused_tip_says_what_it_was_compared_with_and_leave_ends_it() {
    let mut lab = Lab::idle();
    lab.polls();
    lab.polled(Ok('c'));
    lab.fetched(Ancestry::NotDescendant("it is older".to_owned()));
    let refused = wire::Refused {
        revision: id('c'),
        deployed: Some(id('a')),
        kind: wire::RefusedFor::NoDescendant,
        reason: "it is older".to_owned(),
        since: rfc3339(lab.wall()),
    };
    let status = lab.status();
    assert_eq!((status.refused, status.phase), (Some(refused), Phase::Idle));
    assert_eq!(status.wanted.map(|wanted| wanted.revision), Some(id('c')));
    lab.tell(Event::AcceptRequested { revision: revision('c') });
    assert_eq!(lab.status().refused, None);
}

#[test]
fn what_is_held_is_told_with_its_sentence_and_waits_in_idle() {
    let mut lab = Lab::building();
    lab.build_failed(ReasonCode::BuildFailed, "gcc failed");
    let hold =
        wire::Hold { revision: id('b'), reason: "failed: gcc failed".to_owned(), since: rfc3339(lab.wall()) };
    let status = lab.status();
    assert_eq!((status.held, status.phase, status.current), (vec![hold], Phase::Idle, None));
    assert_eq!(status.wanted.map(|wanted| wanted.revision), Some(id('b')));
}

#[test]
fn a_pause_says_who_why_and_until_when() {
    let mut lab = Lab::idle();
    let since = rfc3339(lab.wall());
    let until = Wall(lab.wall().0 + 60_000);
    let reason = Some("away".to_owned());
    lab.tell(Event::PauseRequested { until: Some(until), reason: reason.clone(), by: "poby".to_owned() });
    let paused = wire::Paused { since, until: Some(rfc3339(until)), reason, by: "poby".to_owned() };
    assert_eq!(lab.status().paused, Some(paused));
    lab.pass(59_999);
    assert!(lab.status().paused.is_some());
    lab.pass(1);
    assert_eq!(lab.status().paused, None);
}

#[test]
fn the_source_tells_polls_and_whichever_look_failed() {
    let mut lab = Lab::idle();
    let good = rfc3339(lab.wall());
    lab.polls();
    lab.polled(Ok('b'));
    let good_poll = rfc3339(lab.wall());
    assert_ne!(good, good_poll);
    lab.fetch_ended(Err("the pack was cut off".to_owned()));
    assert_eq!(lab.status().source.error.as_deref(), Some("the pack was cut off"));
    lab.polls();
    lab.polled(Err("the remote answered HTTP 502"));
    let source = lab.status().source;
    assert_eq!(source.error.as_deref(), Some("the remote answered HTTP 502"));
    assert_eq!(source.last_success_at, Some(good_poll));
    assert_eq!(source.last_poll_at, Some(rfc3339(lab.wall())));
    lab.pass_until(|state| state.fetch().in_flight.is_some());
    let (subject, author) = ("s".to_owned(), "a".to_owned());
    lab.fetch_ended(Ok(Fetched {
        subject,
        author,
        ancestry: Ancestry::Descendant,
        contains: Vec::new(),
        untrusted: None,
    }));
    assert_eq!(lab.status().source.error.as_deref(), Some("the remote answered HTTP 502"));
    lab.polls();
    lab.polled(Ok('b'));
    assert_eq!(lab.status().source.error, None);
}

#[test]
fn parts_that_need_a_reboot_are_those_of_the_host() {
    let mut lab = Lab::idle();
    lab.polls();
    let reboot_required = vec!["kernel".to_owned(), "initrd".to_owned()];
    let seen =
        HostView { current: Some(system('a')), reboot_required: reboot_required.clone(), ..host('a', 'a') };
    lab.polled_on(seen, Ok('a'));
    assert_eq!(lab.status().reboot_required, reboot_required);
}
