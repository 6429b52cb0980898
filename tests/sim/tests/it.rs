//! The simulation as a test: seeds that failed once, then every point of every script, then seeds by number.
//!
//! `SIM_START` and `SIM_SEEDS` choose other seeds; `cargo run -p pull-agent-sim -- replay SEED` shows one.
#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Instant;

use pull_agent_protocol::Outcome;
use pull_agent_sim::faults::Death;
use pull_agent_sim::run::{Plan, Report, run};
use pull_agent_sim::scripts;

/// Seeds in a usual run of the tests.
const SEEDS: u64 = 15_000;

/// Deaths that follow upon each other.
const PAIRS: [(Death, Death); 3] =
    [(Death::Kill, Death::Step), (Death::Reboot, Death::Reboot), (Death::Watcher, Death::Kill)];

#[test]
fn seeds_that_failed_once() {
    for line in include_str!("../regressions.txt").lines().filter(|line| !line.starts_with('#')) {
        let seed = line.split_whitespace().next().and_then(|word| word.parse().ok());
        check(&Plan { seed: seed.expect("a line begins with a seed"), ..Plan::default() });
    }
}

#[test]
fn seeds_by_number() {
    let started = Instant::now();
    let number = |name: &str, usual: u64| {
        std::env::var(name).map_or(usual, |text| text.parse().expect("a number of seeds"))
    };
    let (first, count) = (number("SIM_START", 0), number("SIM_SEEDS", SEEDS));
    let (mut points, mut outcomes) = (0, BTreeMap::new());
    for seed in first..first + count {
        let report = check(&Plan { seed, ..Plan::default() });
        points += report.points;
        for outcome in report.outcomes {
            *outcomes.entry(outcome).or_insert(0_u64) += 1;
        }
    }
    figure("seeds by number", count, points, started);
    if count >= 1000 {
        let missing: Vec<_> = Outcome::ALL.iter().filter(|outcome| !outcomes.contains_key(outcome)).collect();
        assert!(missing.is_empty(), "no deployment ever ended like this: {missing:?}");
    }
}

#[test]
fn scripts_end_as_they_say() {
    for script in scripts::all() {
        for seed in 0..3 {
            let report = check(&plan(&script, seed, Vec::new()));
            let (ends, last) = report.outcomes.split_at(report.outcomes.len().saturating_sub(1));
            if let Some(outcomes) = &script.outcomes {
                assert_eq!(ends, outcomes, "{}", script.name);
            }
            assert_eq!(last, [Outcome::Deployed], "{}", script.name);
        }
    }
}

#[test]
fn death_at_every_point() {
    let started = Instant::now();
    let (mut runs, mut points) = (0, 0);
    for script in scripts::all() {
        let count = points_of(&script);
        for point in 1..=count {
            for death in Death::ALL {
                runs += 1;
                points += check(&plan(&script, 0, vec![(point, death)])).points;
            }
        }
    }
    figure("death at every point", runs, points, started);
}

#[test]
fn two_deaths_close_together() {
    let started = Instant::now();
    let (mut runs, mut points) = (0, 0);
    for script in scripts::all() {
        let count = points_of(&script);
        for point in 1..=count {
            for (first, second) in PAIRS {
                for later in [1, 4] {
                    runs += 1;
                    points += check(&plan(&script, 0, vec![(point, first), (point + later, second)])).points;
                }
            }
        }
    }
    figure("two deaths close together", runs, points, started);
}

fn plan(script: &scripts::Script, seed: u64, die_at: Vec<(u64, Death)>) -> Plan {
    Plan {
        seed,
        script: script.actions.clone(),
        policy: Some(script.policy.clone()),
        die_at,
        name: Some(script.name),
        ..Plan::default()
    }
}

/// At how many points somebody can die before everything heals.
fn points_of(script: &scripts::Script) -> u64 {
    let count = check(&plan(script, 0, Vec::new())).points_before;
    assert!(count > 0, "nobody would ever die in {}", script.name);
    count
}

fn check(plan: &Plan) -> Report {
    let report = run(plan);
    if let Some(violation) = &report.violation {
        let log = run(&Plan { log: true, ..plan.clone() }).log;
        let tail = log[log.len().saturating_sub(60)..].join("\n");
        panic!("{tail}\n\n{violation}\n\nreplay it: cargo run -p pull-agent-sim -- {}", plan.replay());
    }
    report
}

/// Says how much was tried, past the capture of the test harness.
fn figure(what: &str, runs: u64, points: u64, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    let line = format!("{what}: {runs} runs, {points} points in {seconds:.1} s\n");
    std::io::stderr().write_all(line.as_bytes()).expect("stderr takes a line");
}
