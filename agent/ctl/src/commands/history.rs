//! `agentctl history`.

use std::process::ExitCode;

use pull_agent_protocol::Deployments;
use serde_json::Value;

use super::Context;
use crate::error::Error;
use crate::render::history;

pub(super) async fn run(context: &Context, number: usize) -> Result<ExitCode, Error> {
    let answer = context.client.get("/v1/deployments").await?;
    if context.json {
        // The document keeps what this program does not know.
        let mut document: Value = answer.read()?;
        if let Some(deployments) = document.get_mut("deployments").and_then(Value::as_array_mut) {
            deployments.truncate(number);
        }
        context.screen.print(&format!("{document}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut deployments = answer.read::<Deployments>()?.deployments;
    deployments.truncate(number);
    let text = match deployments.as_slice() {
        [] => "no deployment has ended yet\n".to_owned(),
        deployments => history::render(deployments, context.screen),
    };
    context.screen.print(&text)?;
    Ok(ExitCode::SUCCESS)
}
