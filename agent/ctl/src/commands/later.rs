//! Commands that have their place and come in a later version. Each says what helps today.

use super::Context;
use crate::error::{Error, Failure};

pub(super) fn diff() -> Error {
    not_yet("diff").with_hint("nix store diff-closures /run/current-system /var/lib/pull-agent/build/result")
}

pub(super) fn deploy(revision: &str, without_checks: bool) -> Error {
    let what = if without_checks { "deploy --without-checks" } else { "deploy" };
    not_yet(what).with_hint(format!(
        "agentctl pause, then nixos-rebuild switch --flake 'FLAKE?rev={revision}'; the agent sees it and does not fight it"
    ))
}

/// The agent knows the recorded path; where there is none to ask, its file has it.
pub(super) async fn rollback(context: &Context, deployment: Option<u64>) -> Error {
    let body = deployment.map(|id| serde_json::json!({ "deployment": id }).to_string()).unwrap_or_default();
    match context.client.change("/v1/rollback", body).await {
        Ok(_) => Error::failed("the agent is newer than this program, which does not know its answer"),
        Err(error) if error.failure() == Failure::Unreachable => {
            let what = deployment.map_or_else(|| "rollback".to_owned(), |id| format!("rollback {id}"));
            not_yet(&what).with_hint(
                "nix-env --profile /nix/var/nix/profiles/system --set PATH && PATH/bin/switch-to-configuration switch, \
                 where PATH is the system in /var/lib/pull-agent/deployed.json: what the last confirmed deployment activated",
            )
        }
        Err(error) => error,
    }
}

pub(super) fn doctor() -> Error {
    not_yet("doctor").with_hint("pull-agent check-config, and agentctl status")
}

fn not_yet(what: &str) -> Error {
    Error::failed(format!("agentctl {what} is not in this version yet"))
}
