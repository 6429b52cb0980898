//! What changes things: pause, resume, retry, accept. Each answers with the status that follows.

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use pull_agent_protocol::{AcceptRequest, PauseRequest, RetryRequest, Status};
use serde::Serialize;

use super::{Context, resolve};
use crate::error::Error;
use crate::render::short;
use crate::render::time::{ahead, minute};
use crate::screen::harmless;

pub(super) async fn pause(
    context: &Context,
    length: Option<Duration>,
    reason: Option<String>,
) -> Result<ExitCode, Error> {
    let request = PauseRequest { for_seconds: length.map(|length| length.as_secs()), reason };
    change(context, "/v1/pause", &request, |status| {
        let end = status.paused.as_ref().and_then(|paused| paused.until.as_ref()).map_or_else(
            || "until agentctl resume".to_owned(),
            |until| format!("until {} UTC ({})", minute(until), ahead(until, Timestamp::now())),
        );
        let running = status.current.as_ref().map(|current| format!("; deployment {} goes on", current.id));
        format!("paused {end}{}", running.unwrap_or_default())
    })
    .await
}

pub(super) async fn resume(context: &Context) -> Result<ExitCode, Error> {
    change(context, "/v1/resume", &(), |status| format!("resumed: {}", status.summary)).await
}

pub(super) async fn retry(context: &Context, revision: Option<String>) -> Result<ExitCode, Error> {
    let revision = match revision {
        Some(digits) => {
            let status = context.client.status().await?;
            let mut known: Vec<_> = status.held.iter().map(|hold| hold.revision.as_str()).collect();
            known.extend(status.wanted.as_ref().map(|wanted| wanted.revision.as_str()));
            known.sort_unstable();
            Some(resolve(&digits, &known, "held or wanted")?)
        }
        None => None,
    };
    let what = revision
        .as_deref()
        .map_or_else(|| "every hold".to_owned(), |id| format!("the hold of {}", short(id)));
    let request = RetryRequest { revision };
    change(context, "/v1/retry", &request, |status| format!("{what} is forgotten: {}", status.summary)).await
}

pub(super) async fn accept(context: &Context, digits: &str) -> Result<ExitCode, Error> {
    let status = context.client.status().await?;
    let mut known: Vec<_> = status.refused.iter().map(|refused| refused.revision.as_str()).collect();
    known.extend(status.wanted.as_ref().map(|wanted| wanted.revision.as_str()));
    known.sort_unstable();
    let revision = resolve(digits, &known, "refused or wanted")?;
    let told = format!("{} is accepted once", short(&revision));
    let request = AcceptRequest { revision };
    change(context, "/v1/accept", &request, |status| format!("{told}: {}", status.summary)).await
}

async fn change(
    context: &Context,
    path: &str,
    request: &impl Serialize,
    told: impl FnOnce(&Status) -> String,
) -> Result<ExitCode, Error> {
    let body = serde_json::to_string(request).map_err(|error| Error::failed(error.to_string()))?;
    let body = if body == "null" { String::new() } else { body };
    let answer = context.client.change(path, body).await?;
    if context.json {
        context.print_json(&answer)?;
    } else {
        context.screen.print(&format!("{}\n", harmless(&told(&answer.read()?))))?;
    }
    Ok(ExitCode::SUCCESS)
}
