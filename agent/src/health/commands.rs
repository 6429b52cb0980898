//! The operator's own probes: programs that must exit with 0.

use std::time::Duration;

use futures_util::future::join_all;

use crate::process::{Environment, call};

/// No probe takes longer, however much time is left: it is asked again.
const LIMIT: Duration = Duration::from_secs(30);

/// Runs all commands at once and returns one sentence for each that failed, in their order.
pub(super) async fn failures(
    commands: &[Vec<String>],
    environment: &Environment,
    limit: Duration,
) -> Vec<String> {
    let limit = limit.min(LIMIT);
    join_all(commands.iter().map(|argv| failure(argv, environment, limit)))
        .await
        .into_iter()
        .flatten()
        .collect()
}

async fn failure(argv: &[String], environment: &Environment, limit: Duration) -> Option<String> {
    match call(argv, environment, limit).await {
        Ok(done) if done.status.success() => None,
        // Its arguments are not shown: who writes a password there would read it in the status.
        Ok(done) => Some(format!("probe {}: {}", argv.first().map_or("", String::as_str), done.sentence())),
        Err(error) => Some(format!("probe: {error}")),
    }
}
