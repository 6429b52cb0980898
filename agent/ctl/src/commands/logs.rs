//! `agentctl logs`.

use std::process::ExitCode;

use super::Context;
use crate::error::{Error, Failure};

pub(super) async fn run(context: &Context, deployment: Option<u64>, follow: bool) -> Result<ExitCode, Error> {
    if context.json {
        return Err(Error::new(Failure::Usage, "a log is text: logs has no --json"));
    }
    let id = match deployment {
        Some(id) => id,
        None => newest(context).await?,
    };
    let wish = if follow { "?follow=1" } else { "" };
    let mut log = context.client.stream(&format!("/v1/deployments/{id}/log{wish}")).await?;
    let mut line = Vec::new();
    while let Some(bytes) = log.next().await? {
        line.extend_from_slice(&bytes);
        // Whole lines only: what is harmless is judged by the line.
        let end = match line.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if line.len() > LONGEST_LINE => line.len(),
            None => continue,
        };
        context.screen.print_log(&line[..end])?;
        line.drain(..end);
    }
    context.screen.print_log(&line)?;
    Ok(ExitCode::SUCCESS)
}

/// A line that is longer is printed in pieces.
const LONGEST_LINE: usize = 64 << 10;

/// The deployment in progress, else the last one.
async fn newest(context: &Context) -> Result<u64, Error> {
    let status = context.client.status().await?;
    let current = status.current.map(|current| current.id);
    current
        .or(status.last_deployment.map(|last| last.id))
        .ok_or_else(|| Error::failed("there was no deployment yet").with_hint("agentctl status"))
}
