use pull_agent_core::{
    Event, HostView, Millis, Mono, Now, OnUnhealthy, Outbox, PhaseTotal, Policy, Revision, Saved,
};
use pull_agent_protocol::Phase;

use super::*;

/// The samples of a registry, without the lines that only describe them.
fn samples(registry: &Registry) -> Vec<String> {
    let mut text = String::new();
    encode(&mut text, registry).expect("a string takes everything");
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn moments_of(state: &State, now: Wall) -> Vec<String> {
    let mut registry = Registry::default();
    moments(&mut registry, state, now);
    samples(&registry)
}

/// An agent whose polls are answered at these times, in milliseconds: with a tip, or without an answer.
fn polled(answers: &[(u64, bool)]) -> State {
    let policy = Policy {
        poll_interval: Millis::seconds(60),
        fetch_timeout: Millis::seconds(300),
        gate_timeout: Millis::seconds(7200),
        newest_green_after: None,
        verdict_max_age: Millis::seconds(600),
        settle: Millis::seconds(10),
        health_deadline: Millis::seconds(120),
        on_unhealthy: OnUnhealthy::RollBack,
        units_probed: true,
        keep_deployments: 50,
    };
    let mut outbox: Outbox<()> = Outbox::read(Saved::default());
    let mut tell = |at: u64, event: &dyn Fn(&State) -> Event| {
        let now = Now { wall: Wall(at), mono: Mono(at), entropy: 0 };
        let event = event(outbox.state());
        outbox.decide(&policy, now, event, None);
        outbox.state().clone()
    };
    let mut state = tell(0, &|_| Event::Started { host: HostView::default() });
    for (at, answered) in answers {
        tell(at - 1, &|_| Event::Nudged { revision: None });
        state = tell(*at, &|state| Event::Polled {
            look: state.poll().in_flight.expect("a poll runs").look,
            host: HostView::default(),
            result: answered
                .then(|| Revision::parse(&"b".repeat(40)).expect("an id"))
                .ok_or_else(String::new),
        });
    }
    state
}

#[test]
fn every_moment_is_told_as_its_own() {
    let state = polled(&[(5_000_000, true), (6_000_000, true), (7_000_250, false)]);
    assert_eq!(
        moments_of(&state, Wall(8_000_500)),
        [
            "last_poll_timestamp_seconds 7000.25",
            "last_successful_poll_timestamp_seconds 6000.0",
            "behind_seconds 3000.5",
        ]
    );
}

#[test]
fn a_wall_clock_that_was_set_back_puts_nobody_behind_by_less_than_nothing() {
    assert_eq!(moments_of(&State::default(), Wall(1_000))[2], "behind_seconds 0.0");
    assert_eq!(moments_of(&polled(&[(5_000, true)]), Wall(1_000))[2], "behind_seconds 0.0");
}

#[test]
fn a_histogram_counts_all_up_to_each_bound() {
    let buckets = vec![2, 0, 1, 0, 0, 0, 0, 0, 0, 3, 4];
    let total = PhaseTotal { phase: Phase::Building, sum: Millis(90_500), buckets };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(histogram::PhaseDurations(vec![total])));
    let name = "phase_duration_seconds";
    let bounds =
        ["1.0", "5.0", "15.0", "30.0", "60.0", "120.0", "300.0", "900.0", "1800.0", "3600.0", "+Inf"];
    let counts = [2, 2, 3, 3, 3, 3, 3, 3, 3, 6, 10];
    let mut expected = vec![
        format!("{name}_sum{{phase=\"building\"}} 90.5"),
        format!("{name}_count{{phase=\"building\"}} 10"),
    ];
    for (bound, count) in bounds.iter().zip(counts) {
        expected.push(format!("{name}_bucket{{le=\"{bound}\",phase=\"building\"}} {count}"));
    }
    assert_eq!(samples(&registry), expected);
}
