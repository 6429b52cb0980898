//! Commands that have their place and come in a later version. Each says what helps today.

use crate::ctl::error::Error;

pub(super) fn diff() -> Error {
    not_yet("diff").with_hint("nix store diff-closures /run/current-system /var/lib/pull-agent/build/result")
}

pub(super) fn deploy(revision: &str, without_checks: bool) -> Error {
    let what = if without_checks { "deploy --without-checks" } else { "deploy" };
    not_yet(what).with_hint(format!(
        "agentctl pause, then nixos-rebuild switch --flake 'FLAKE?rev={revision}'; the agent sees it and does not fight it"
    ))
}

pub(super) fn rollback(deployment: Option<u64>) -> Error {
    let what = deployment.map_or_else(|| "rollback".to_owned(), |id| format!("rollback {id}"));
    not_yet(&what).with_hint(
        "agentctl pause, then nixos-rebuild switch --rollback; the agent sees it and does not fight it",
    )
}

pub(super) fn doctor() -> Error {
    not_yet("doctor").with_hint("pull-agent check-config, and agentctl status")
}

fn not_yet(what: &str) -> Error {
    Error::failed(format!("agentctl {what} is not in this version yet"))
}
