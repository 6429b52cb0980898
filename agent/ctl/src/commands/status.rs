//! `agentctl status`: 0 whenever the agent answered.

use std::process::ExitCode;

use jiff::Timestamp;
use pull_agent_protocol::{Deployments, Status};

use super::Context;
use crate::error::Error;
use crate::render::{status, went_wrong};
use crate::screen::harmless;

/// Lines of the log of what failed.
const LOG_LINES: usize = 5;
/// Bytes of it that are asked for.
const LOG_BYTES: usize = 4096;

pub(super) async fn run(context: &Context) -> Result<ExitCode, Error> {
    let answer = context.client.get("/v1/status").await?;
    if context.json {
        context.print_json(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let document: Status = answer.read()?;
    let beside = status::Beside {
        running_subject: running_subject(context, &document).await?,
        log_end: log_end(context, &document).await,
    };
    context.screen.print(&status::render(&document, &beside, context.screen, Timestamp::now()))?;
    Ok(ExitCode::SUCCESS)
}

/// The status names only the id of what runs; history knows the subject.
async fn running_subject(context: &Context, status: &Status) -> Result<Option<String>, Error> {
    let Some(running) = &status.running.revision else { return Ok(None) };
    if let Some(last) = status.last_deployment.as_ref().filter(|last| last.revision == *running) {
        return Ok(Some(last.subject.clone()));
    }
    let history: Deployments = context.client.get("/v1/deployments").await?.read()?;
    Ok(history.deployments.into_iter().find(|past| past.revision == *running).map(|past| past.subject))
}

/// The end of the log of a deployment that went wrong. The log may be gone, and the status is good without it.
async fn log_end(context: &Context, status: &Status) -> Vec<String> {
    let Some(last) = status.last_deployment.as_ref().filter(|last| went_wrong(last.outcome)) else {
        return Vec::new();
    };
    match context.client.get(&format!("/v1/deployments/{}/log?tail={LOG_BYTES}", last.id)).await {
        Ok(answer) => {
            let lines: Vec<_> =
                answer.body.lines().filter(|line| !line.trim().is_empty()).map(harmless).collect();
            lines[lines.len().saturating_sub(LOG_LINES)..].to_vec()
        }
        Err(error) => vec![error.to_string()],
    }
}
