//! The state as numbers.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use axum::http::header;
use pull_agent_core::{Exit, HostView, ReasonCode};
use pull_agent_protocol::{Outcome, Phase};

use super::{Desk, snapshot};
use crate::checks::ForgeStats;
use crate::clock;
use crate::lab::{Lab, host, revision};

/// What a scrape brings: a value for each name with its labels, which are sorted.
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    async fn of(desk: &Desk) -> Self {
        let answer = desk.get("/metrics").await;
        assert_eq!(answer.status, 200);
        let content_type = answer.headers.get(header::CONTENT_TYPE).expect("a type");
        assert_eq!(content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
        let text = answer.text();
        assert!(text.ends_with("# EOF\n"), "{text}");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(lines.map(|line| Self::line(line).unwrap_or_else(|| panic!("{line:?}"))).collect())
    }

    fn line(line: &str) -> Option<(String, f64)> {
        let (name, value) = line.rsplit_once(' ')?;
        let name = match name.trim_end_matches('}').split_once('{') {
            None => name.to_owned(),
            Some((name, labels)) => {
                let mut labels: Vec<_> = labels.split(',').collect();
                labels.sort_unstable();
                format!("{name}{{{}}}", labels.join(","))
            }
        };
        Some((name, value.parse().ok()?))
    }

    #[track_caller]
    fn value(&self, name: &str) -> f64 {
        *self.0.get(name).unwrap_or_else(|| panic!("{name} is not among {:?}", self.0.keys()))
    }

    #[track_caller]
    fn is(&self, name: &str, expected: f64) {
        let value = self.value(name);
        assert!((value - expected).abs() < 1e-6, "{name} is {value}, not {expected}");
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    #[track_caller]
    fn bucket(&self, phase: &str, bound: &str) -> f64 {
        self.value(&format!("pull_agent_phase_duration_seconds_bucket{{le=\"{bound}\",phase=\"{phase}\"}}"))
    }
}

#[tokio::test]
async fn every_metric_has_its_documented_name() {
    let mut lab = Lab::probing();
    lab.probed(&[]);
    let mut shown = snapshot(&lab);
    shown.forge = ForgeStats {
        requests: [("200".to_owned(), 7)].into_iter().collect(),
        ratelimit_remaining: Some(4990),
    };
    shown.remote_frozen = true;
    let scrape = Scrape::of(&Desk::showing(shown)).await;
    let mut names: Vec<_> = scrape.0.keys().map(|name| name.split('{').next().unwrap_or(name)).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(
        names,
        [
            "pull_agent_behind_seconds",
            "pull_agent_build_info",
            "pull_agent_deployments_total",
            "pull_agent_drift",
            "pull_agent_forge_ratelimit_remaining",
            "pull_agent_forge_requests_total",
            "pull_agent_held_revisions",
            "pull_agent_last_deployment_timestamp_seconds",
            "pull_agent_last_poll_timestamp_seconds",
            "pull_agent_last_successful_poll_timestamp_seconds",
            "pull_agent_nudges_total",
            "pull_agent_paused",
            "pull_agent_phase",
            "pull_agent_phase_duration_seconds_bucket",
            "pull_agent_phase_duration_seconds_count",
            "pull_agent_phase_duration_seconds_sum",
            "pull_agent_reboot_required",
            "pull_agent_remote_frozen",
            "pull_agent_running_info",
        ]
    );
    scrape.is("pull_agent_forge_requests_total{status=\"200\"}", 7.0);
    scrape.is("pull_agent_remote_frozen", 1.0);
    scrape.is("pull_agent_forge_ratelimit_remaining", 4990.0);
    scrape.is(&format!("pull_agent_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0);
    scrape.is(&format!("pull_agent_running_info{{revision=\"{}\"}}", revision('b')), 1.0);
}

#[tokio::test]
async fn what_the_forge_did_not_say_is_no_number() {
    let scrape = Scrape::of(&Desk::of(&Lab::idle())).await;
    assert!(!scrape.has("pull_agent_forge_ratelimit_remaining"));
}

#[tokio::test]
async fn a_length_that_is_a_bound_of_the_histogram_is_in_its_bucket() {
    let mut lab = Lab::building();
    lab.pass(5_000);
    lab.built('b', host('a', 'a'));
    lab.pass(5_001);
    lab.activated(Exit::Code(0), host('b', 'b'));
    lab.probes();
    lab.probed(&[]);
    let scrape = Scrape::of(&Desk::of(&lab)).await;
    // Deployment 1 took no time at all.
    counts_up_to(&scrape, "building", &[("1.0", 1), ("5.0", 2), ("15.0", 2), ("+Inf", 2)]);
    counts_up_to(&scrape, "activating", &[("1.0", 1), ("5.0", 1), ("15.0", 2), ("3600.0", 2), ("+Inf", 2)]);
    scrape.is("pull_agent_phase_duration_seconds_sum{phase=\"building\"}", 5.0);
    scrape.is("pull_agent_phase_duration_seconds_sum{phase=\"activating\"}", 5.001);
    scrape.is("pull_agent_phase_duration_seconds_count{phase=\"activating\"}", 2.0);
    assert!(!scrape.has("pull_agent_phase_duration_seconds_count{phase=\"ready\"}"));
}

#[track_caller]
fn counts_up_to(scrape: &Scrape, phase: &str, expected: &[(&str, u32)]) {
    for (bound, count) in expected {
        let found = scrape.bucket(phase, bound);
        assert!((found - f64::from(*count)).abs() < 1e-6, "{phase} up to {bound} s: {found}, not {count}");
    }
}

#[tokio::test]
async fn a_longer_time_than_every_bound_is_counted_too() {
    let mut lab = Lab::building();
    lab.pass(3_600_001);
    lab.build_failed(ReasonCode::BuildFailed, "gcc failed");
    let scrape = Scrape::of(&Desk::of(&lab)).await;
    counts_up_to(&scrape, "building", &[("3600.0", 1), ("+Inf", 2)]);
    scrape.is("pull_agent_phase_duration_seconds_count{phase=\"building\"}", 2.0);
}

#[tokio::test]
async fn a_host_is_behind_since_the_branch_had_the_first_thing_it_does_not_run() {
    let mut lab = Lab::idle();
    Scrape::of(&Desk::of(&lab)).await.is("pull_agent_behind_seconds", 0.0);
    lab.polls();
    lab.polled(Ok('b'));
    let since = lab.wall();
    lab.pass(90_000);
    lab.polls();
    lab.polled(Ok('c'));
    let before = clock::wall();
    let behind = Scrape::of(&Desk::of(&lab)).await.value("pull_agent_behind_seconds");
    let after = clock::wall();
    let most = std::time::Duration::from_millis(after.since(since).0).as_secs_f64();
    let least = std::time::Duration::from_millis(before.since(since).0).as_secs_f64();
    assert!(behind >= least - 1e-3 && behind <= most + 1e-3, "{behind} is not within {least} and {most}");
    lab.polls();
    lab.polled(Ok('a'));
    Scrape::of(&Desk::of(&lab)).await.is("pull_agent_behind_seconds", 0.0);
}

#[tokio::test]
async fn exactly_one_phase_is_the_one() {
    for lab in [Lab::idle(), Lab::gating(), Lab::building(), Lab::probing(), Lab::rolling_back()] {
        let scrape = Scrape::of(&Desk::of(&lab)).await;
        for phase in Phase::ALL {
            let expected = f64::from(u8::from(phase == lab.status().phase));
            scrape.is(&format!("pull_agent_phase{{phase=\"{}\"}}", phase.as_str()), expected);
        }
    }
}

#[tokio::test]
async fn deployments_are_counted_by_outcome_and_those_that_never_were_are_nought() {
    let lab = Lab::rolled_back();
    let scrape = Scrape::of(&Desk::of(&lab)).await;
    let record = lab.state().ledger().history.last().expect("one");
    for outcome in Outcome::ALL {
        let count = f64::from(u8::from(matches!(outcome, Outcome::Deployed | Outcome::RolledBack)));
        scrape.is(&format!("pull_agent_deployments_total{{outcome=\"{}\"}}", outcome.as_str()), count);
    }
    let last = std::time::Duration::from_millis(record.finished_at.0).as_secs_f64();
    scrape.is("pull_agent_last_deployment_timestamp_seconds{outcome=\"rolled-back\"}", last);
    assert!(!scrape.has("pull_agent_last_deployment_timestamp_seconds{outcome=\"broken\"}"));
}

#[tokio::test]
async fn polls_are_told_by_their_last_and_their_last_good_one() {
    let scrape = Scrape::of(&Desk::of(&Lab::new())).await;
    scrape.is("pull_agent_last_poll_timestamp_seconds", 0.0);
    let mut lab = Lab::idle();
    lab.polls();
    lab.polled(Ok('a'));
    let good = lab.wall();
    lab.polls();
    lab.polled(Err("HTTP 502"));
    let scrape = Scrape::of(&Desk::of(&lab)).await;
    let seconds = |wall: pull_agent_core::Wall| std::time::Duration::from_millis(wall.0).as_secs_f64();
    assert_ne!(good, lab.wall());
    scrape.is("pull_agent_last_successful_poll_timestamp_seconds", seconds(good));
    scrape.is("pull_agent_last_poll_timestamp_seconds", seconds(lab.wall()));
}

#[tokio::test]
async fn pause_holds_reboot_and_drift_are_levels() {
    let names = ["paused", "held_revisions", "reboot_required", "drift"];
    let scrape = Scrape::of(&Desk::of(&Lab::idle())).await;
    for name in names {
        scrape.is(&format!("pull_agent_{name}"), 0.0);
    }
    let mut lab = Lab::rolled_back();
    lab.pause();
    lab.polls();
    lab.polled_on(HostView { reboot_required: vec!["kernel".to_owned()], ..host('x', 'x') }, Ok('b'));
    let scrape = Scrape::of(&Desk::of(&lab)).await;
    for name in names {
        scrape.is(&format!("pull_agent_{name}"), 1.0);
    }
    scrape.is("pull_agent_running_info{revision=\"\"}", 1.0);
}

#[tokio::test]
async fn nudges_are_counted_by_what_became_of_them() {
    let desk = Desk::of(&Lab::idle());
    desk.counters.nudges_accepted.store(3, Relaxed);
    desk.counters.nudges_invalid.store(2, Relaxed);
    let scrape = Scrape::of(&desk).await;
    scrape.is("pull_agent_nudges_total{result=\"accepted\"}", 3.0);
    scrape.is("pull_agent_nudges_total{result=\"invalid\"}", 2.0);
}
