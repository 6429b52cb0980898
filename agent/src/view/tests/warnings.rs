//! What the operator should know although nothing failed.

use pull_agent_core::{Ancestry, Event, Exit, VerdictKind};

use crate::lab::{Lab, host, revision, verdict};

/// Whether one of the warnings says so.
fn warns(lab: &Lab, words: &str) -> bool {
    lab.status().warnings.iter().any(|warning| warning.contains(words))
}

#[test]
fn a_host_that_is_well_has_none() {
    let mut lab = Lab::probing();
    assert!(warns(&lab, "aaaaaaa was deployed without proof"), "{:?}", lab.status().warnings);
    lab.probed(&[]);
    assert_eq!(lab.status().warnings, [""; 0]);
}

#[test]
fn before_the_first_deployment_nothing_can_be_compared() {
    let mut lab = Lab::new();
    assert!(warns(&lab, "nothing was deployed here yet"));
    lab.deploys_first();
    assert!(!warns(&lab, "nothing was deployed here yet"));
    assert!(warns(&lab, "aaaaaaa was deployed without proof that it descends from what ran before"));
}

#[test]
fn what_the_operator_accepted_is_told_as_not_compared() {
    let mut lab = Lab::probing();
    lab.probed(&[]);
    lab.polls();
    lab.polled(Ok('c'));
    lab.fetched(Ancestry::NotDescendant("it is older".to_owned()));
    lab.tell(Event::AcceptRequested { revision: revision('c') });
    lab.pass_until(|state| state.gate().in_flight.is_some());
    lab.green();
    lab.built('c', host('b', 'b'));
    lab.activated(Exit::Code(0), host('c', 'c'));
    lab.probes();
    lab.probed(&[]);
    assert!(warns(&lab, "ccccccc was deployed without proof"), "{:?}", lab.status().warnings);
}

#[test]
fn a_host_that_could_not_be_taken_back_is_broken_until_the_next_deployment() {
    let mut lab = Lab::rolling_back();
    while lab.state().deployment().is_some() {
        assert!(!warns(&lab, "broken"));
        lab.pass_until(|state| state.work().step_runs);
        lab.activated(Exit::Code(1), host('b', 'b'));
    }
    assert!(warns(&lab, "deployment 2 left the host broken"), "{:?}", lab.status().warnings);
    lab.sees('c');
    lab.green();
    lab.build_failed(pull_agent_core::ReasonCode::BuildFailed, "gcc failed");
    assert!(!warns(&lab, "broken"));
}

#[test]
fn a_gate_without_a_green_verdict_for_too_long_is_told() {
    let mut lab = Lab::gating();
    let mut asked = 0;
    while !lab.state().gate().overdue {
        lab.judged(verdict(VerdictKind::Red, "build ended in failure"));
        asked += 1;
        assert!(asked < 1000, "it never is overdue");
        if !lab.state().gate().overdue {
            assert!(!warns(&lab, "gate.timeout"));
            lab.pass_until(|state| state.gate().in_flight.is_some());
        }
    }
    assert!(warns(&lab, "no green verdict within gate.timeout"));
    lab.pass_until(|state| state.gate().in_flight.is_some());
    lab.green();
    lab.sees('c');
    assert!(!warns(&lab, "gate.timeout"), "another revision has a time of its own");
}

#[test]
fn what_the_process_and_its_settings_warn_of_is_told_too() {
    let mut lab = Lab::with("[source]\nurl = \"https://github.com/poby/infra\"\n", false);
    lab.about.warnings.push("curl is not there".to_owned());
    assert_eq!(lab.status().warnings.first().map(String::as_str), Some("curl is not there"));
    assert_eq!(lab.status().agent.runner, "process");
    assert!(warns(&lab, "rebuild.runner is \"process\""));
    assert!(!warns(&Lab::new(), "rebuild.runner"));
}
