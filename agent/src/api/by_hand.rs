//! The routes that are named already and come later: each says what an operator can do by hand meanwhile. Never
//! `nixos-rebuild switch --rollback`: after a way back the generation before is the bad one.

use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use pull_agent_core::{State, SystemPath};
use serde::Deserialize;

use super::Api;
use super::problem::{problem, problem_with_hint};
use super::read::parse_or_default;
use crate::settings::Settings;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rollback {
    deployment: Option<u64>,
}

pub(super) async fn deploy() -> Response {
    let hint = "agentctl pause, then nixos-rebuild switch; the agent sees it and does not fight it";
    problem_with_hint(StatusCode::NOT_IMPLEMENTED, "deploy is not in this version yet", hint)
}

pub(super) async fn rollback(Shared(api): Shared<Api>, body: Bytes) -> Response {
    let wish: Rollback = match parse_or_default(&body) {
        Ok(wish) => wish,
        Err(detail) => return problem(StatusCode::BAD_REQUEST, detail),
    };
    let snapshot = api.snapshot();
    let system = match wish.deployment {
        None => snapshot.state.way_back(),
        Some(id) => system_of(&snapshot.state, id),
    };
    let what = wish.deployment.map_or_else(|| "rollback".to_owned(), |id| format!("rollback {id}"));
    let detail = format!("{what} is not in this version yet");
    match system {
        Some(system) => {
            let hint = command(&snapshot.settings, system);
            problem_with_hint(StatusCode::NOT_IMPLEMENTED, detail, &hint)
        }
        None => {
            problem(StatusCode::NOT_IMPLEMENTED, format!("{detail}, and no system is recorded to go back to"))
        }
    }
}

/// What does by hand what a way back does.
fn command(settings: &Settings, system: &SystemPath) -> String {
    let profile = settings.system.profile.display();
    format!(
        "agentctl pause, then nix-env --profile {profile} --set {system} && \
         {system}/bin/switch-to-configuration switch; the agent sees it and does not fight it"
    )
}

fn system_of(state: &State, deployment: u64) -> Option<&SystemPath> {
    let record = state.ledger().history.iter().find(|record| record.id.0 == deployment);
    record.and_then(|record| record.system.as_ref())
}
