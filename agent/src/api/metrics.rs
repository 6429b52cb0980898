//! `GET /metrics`: the state as OpenMetrics text. The registry is built for each answer, so that nothing in the agent
//! keeps a second account.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use pull_agent_core::{State, Wall};

use super::Api;
use super::problem::problem;
use crate::channels::Snapshot;
use crate::clock;

mod histogram;
#[cfg(test)]
mod tests;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;

pub(super) async fn metrics(Shared(api): Shared<Api>) -> Response {
    let snapshot = api.snapshot();
    let mut registry = Registry::with_prefix("pull_agent");
    deployments(&mut registry, &snapshot);
    moments(&mut registry, &snapshot.state, clock::wall());
    levels(&mut registry, &snapshot);
    let counters = &api.counters;
    let nudges = [("accepted", &counters.nudges_accepted), ("invalid", &counters.nudges_invalid)];
    let nudges = nudges.map(|(result, count)| (vec![("result", result.to_owned())], count.load(Relaxed)));
    count(&mut registry, "nudges", "Nudges by what became of them", nudges);
    let requests =
        snapshot.forge.requests.iter().map(|(status, count)| (vec![("status", status.clone())], *count));
    count(&mut registry, "forge_requests", "Requests to the forge by status", requests);
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            problem(StatusCode::INTERNAL_SERVER_ERROR, format!("the metrics could not be written: {error}"))
        }
    }
}

fn deployments(registry: &mut Registry, snapshot: &Snapshot) {
    let totals = &snapshot.state.ledger().totals;
    let outcomes = pull_agent_protocol::Outcome::ALL.map(|outcome| {
        let total = totals.outcomes.iter().find(|total| total.outcome == outcome);
        (vec![("outcome", outcome.as_str().to_owned())], total.map_or(0, |total| total.count))
    });
    count(registry, "deployments", "Deployments by outcome", outcomes);
    let last = Family::<Labels, Gauge<f64, AtomicU64>>::default();
    for total in &totals.outcomes {
        let labels = vec![("outcome", total.outcome.as_str().to_owned())];
        last.get_or_create(&labels).set(seconds(total.last));
    }
    registry.register(
        "last_deployment_timestamp_seconds",
        "When the last deployment of each outcome ended",
        last,
    );
    registry.register_collector(Box::new(histogram::PhaseDurations(totals.phases.clone())));
}

fn moments(registry: &mut Registry, state: &State, now: Wall) {
    let poll = state.poll();
    let moments = [
        ("last_poll_timestamp_seconds", "When the remote was last polled", poll.last_at),
        (
            "last_successful_poll_timestamp_seconds",
            "When the remote last answered a poll",
            poll.last_success_at,
        ),
    ];
    for (name, help, moment) in moments {
        registry.register(name, help, ConstGauge::new(moment.map_or(0.0, seconds)));
    }
    let since = state.behind_since();
    let behind = since.map_or(0.0, |since| seconds(Wall(now.0.saturating_sub(since.0))));
    registry.register(
        "behind_seconds",
        "How long the branch has had a revision that this host does not run",
        ConstGauge::new(behind),
    );
}

fn levels(registry: &mut Registry, snapshot: &Snapshot) {
    let (status, ledger) = (&snapshot.status, snapshot.state.ledger());
    registry.register(
        "build",
        "The program",
        Info::new(vec![("version", env!("CARGO_PKG_VERSION").to_owned())]),
    );
    let revision = status.running.revision.clone().unwrap_or_default();
    registry.register("running", "What runs", Info::new(vec![("revision", revision)]));
    let phases = Family::<Labels, Gauge>::default();
    for phase in pull_agent_protocol::Phase::ALL {
        let labels = vec![("phase", phase.as_str().to_owned())];
        phases.get_or_create(&labels).set(i64::from(phase == status.phase));
    }
    registry.register("phase", "1 for the phase that the agent is in", phases);
    let held = i64::try_from(ledger.held.len()).unwrap_or(i64::MAX);
    let gauges = [
        ("paused", "Whether activations are paused", i64::from(ledger.paused.is_some())),
        ("held_revisions", "Revisions that are not tried again by themselves", held),
        (
            "reboot_required",
            "Whether parts of the running system need a reboot",
            i64::from(!status.reboot_required.is_empty()),
        ),
        (
            "remote_frozen",
            "Whether the forge has a head of the branch that the remote does not show",
            i64::from(snapshot.remote_frozen),
        ),
        ("drift", "Whether another system runs than the last deployed one", i64::from(status.running.drift)),
    ];
    for (name, help, value) in gauges {
        registry.register(name, help, ConstGauge::new(value));
    }
    if let Some(remaining) = snapshot.forge.ratelimit_remaining {
        let remaining = i64::try_from(remaining).unwrap_or(i64::MAX);
        registry.register(
            "forge_ratelimit_remaining",
            "Requests that the forge still allows",
            ConstGauge::new(remaining),
        );
    }
}

fn count(registry: &mut Registry, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, u64)>) {
    let family = Family::<Labels, prometheus_client::metrics::counter::Counter>::default();
    for (labels, value) in values {
        family.get_or_create(&labels).inc_by(value);
    }
    registry.register(name, help, family);
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^52")]
fn seconds(wall: Wall) -> f64 {
    wall.0 as f64 / 1000.0
}
