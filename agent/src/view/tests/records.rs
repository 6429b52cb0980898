//! Deployments that ended.

use pull_agent_core::{Event, Exit, ReasonCode};
use pull_agent_protocol::{Deployment, Durations, Outcome, Phase, Trigger};

use crate::clock::rfc3339;
use crate::lab::{Lab, host, revision};

fn last(lab: &Lab) -> Deployment {
    lab.status().last_deployment.expect("a deployment ended")
}

#[test]
fn a_good_deployment_has_each_length_in_seconds() {
    let mut lab = Lab::gating();
    lab.pass(1_500);
    lab.green();
    let started_at = rfc3339(lab.wall());
    lab.pass(63_250);
    lab.built('b', host('a', 'a'));
    lab.pass(5_001);
    lab.activated(Exit::Code(0), host('b', 'b'));
    lab.probes();
    lab.probed(&[]);
    let expected = Deployment {
        id: 2,
        revision: revision('b').to_string(),
        subject: "grafana: 11.3".to_owned(),
        trigger: Trigger::Poll,
        started_at,
        finished_at: rfc3339(lab.wall()),
        durations: Durations {
            gate: Some(1.5),
            build: Some(63.25),
            ready: None,
            activate: Some(5.001),
            confirm: Some(10.0),
        },
        outcome: Outcome::Deployed,
        phase: None,
        reason: None,
        reason_code: None,
        previous_system: Some("/nix/store/a".to_owned()),
        system: Some("/nix/store/b".to_owned()),
    };
    assert_eq!(last(&lab), expected);
}

#[test]
fn time_in_ready_is_a_length_of_its_own() {
    let mut lab = Lab::activating();
    lab.activated(Exit::Busy, host('a', 'a'));
    lab.pass(3_000);
    lab.pause();
    lab.pass(1_000);
    lab.tell(Event::ResumeRequested);
    lab.pass_until(|state| state.phase_name() == Phase::Building);
    lab.build_failed(ReasonCode::BuildFailed, "gcc failed");
    let durations = last(&lab).durations;
    assert_eq!((durations.ready, durations.confirm), (Some(4.0), None));
}

#[test]
fn a_failure_has_its_phase_its_sentence_and_its_word() {
    let mut lab = Lab::building();
    lab.build_failed(ReasonCode::EvaluationFailed, "attribute 'foo' missing");
    let record = last(&lab);
    assert_eq!((record.outcome, record.phase), (Outcome::Failed, Some(Phase::Building)));
    assert_eq!(record.reason.as_deref(), Some("attribute 'foo' missing"));
    assert_eq!(record.reason_code.as_deref(), Some("evaluation-failed"));
    assert_eq!((record.system, record.previous_system), (None, None));

    let record = last(&Lab::rolled_back());
    assert_eq!((record.outcome, record.phase), (Outcome::RolledBack, Some(Phase::Activating)));
    let reason = "the switch ended with exit code 2 (the activation script failed)";
    assert_eq!(record.reason.as_deref(), Some(reason));
    assert_eq!(record.reason_code.as_deref(), Some("activation-script-failed"));
    assert_eq!(record.system.as_deref(), Some("/nix/store/b"));
}

#[test]
fn what_a_newer_one_replaced_has_a_sentence_and_no_word() {
    let mut lab = Lab::building();
    lab.pause();
    lab.built('b', host('a', 'a'));
    lab.sees('c');
    lab.green();
    let record = last(&lab);
    assert_eq!((record.id, record.outcome), (2, Outcome::Superseded));
    assert_eq!(record.reason.as_deref(), Some("ccccccc is newer and green"));
    assert_eq!(record.reason_code, None);
    assert_eq!(lab.status().current.map(|current| current.id), None, "the next one waits for the pause");
}

#[test]
fn the_last_deployment_is_the_newest() {
    let mut lab = Lab::rolled_back();
    lab.sees('c');
    lab.green();
    lab.build_failed(ReasonCode::BuildFailed, "gcc failed");
    assert_eq!(last(&lab).id, 3);
}
