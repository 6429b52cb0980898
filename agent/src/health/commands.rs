//! The operator's own probes: programs that must exit with 0. One that the host does not have says nothing of its health,
//! unless it was the switch that took it away.

use std::time::Duration;

use futures_util::future::join_all;

use crate::process::{Environment, call, find};

/// No probe takes longer, however much time is left: it is asked again.
const LIMIT: Duration = Duration::from_secs(30);

/// Returns the programs that are not to be found, in the order of the commands, each once.
pub(super) fn missing(commands: &[Vec<String>], environment: &Environment) -> Vec<String> {
    let mut missing: Vec<String> = Vec::new();
    for program in commands.iter().filter_map(|argv| argv.first()) {
        if !missing.contains(program) && find(program, environment).is_none() {
            missing.push(program.clone());
        }
    }
    missing
}

/// Runs all commands at once and returns one sentence for each that failed, in their order. Programs that were `missing`
/// before may be so now.
pub(super) async fn failures(
    commands: &[Vec<String>],
    environment: &Environment,
    missing: &[String],
    limit: Duration,
) -> Vec<String> {
    let limit = limit.min(LIMIT);
    join_all(commands.iter().map(|argv| failure(argv, environment, missing, limit)))
        .await
        .into_iter()
        .flatten()
        .collect()
}

async fn failure(
    argv: &[String],
    environment: &Environment,
    missing: &[String],
    limit: Duration,
) -> Option<String> {
    let program = argv.first().map_or("", String::as_str);
    if find(program, environment).is_none() {
        let sentence = format!("probe {program}: the program is not to be found on the host's PATH");
        if missing.iter().any(|missing| missing == program) {
            tracing::warn!("{sentence}, nor was it before the switch: it says nothing");
            return None;
        }
        return Some(sentence);
    }
    match call(argv, environment, limit).await {
        Ok(done) if done.status.success() => None,
        // Its arguments are not shown: who writes a password there would read it in the status.
        Ok(done) => Some(format!("probe {program}: {}", done.sentence())),
        Err(error) => Some(format!("probe: {error}")),
    }
}
