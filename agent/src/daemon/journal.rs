//! What the journal is told of the loop, at the level of who must act.

use pull_agent_core::{Event, Saved};

/// One line for what the world brought, at the level of who must act.
pub(super) fn event(event: &Event) {
    match event {
        Event::Polled { result: Err(error), .. } => tracing::warn!(%error, "the poll failed"),
        Event::Fetched { result: Err(error), .. } => tracing::warn!(%error, "the fetch failed"),
        Event::Nudged { revision } => {
            tracing::info!(revision = revision.as_ref().map(ToString::to_string), "nudged");
        }
        Event::Checked { verdict, .. } => tracing::debug!(?verdict, "the forge answered"),
        Event::PauseRequested { by, reason, .. } => tracing::info!(by, reason, "paused"),
        Event::ResumeRequested => tracing::info!("resumed"),
        Event::RetryRequested { .. }
        | Event::AcceptRequested { .. }
        | Event::Started { .. }
        | Event::DeadlinePassed
        | Event::PolicyChanged { .. }
        | Event::Polled { .. }
        | Event::Fetched { .. }
        | Event::Built { .. }
        | Event::Activated { .. }
        | Event::Probed { .. }
        | Event::RolledBack { .. } => tracing::debug!(?event, "event"),
    }
}

/// One line for each step that a deployment took.
pub(super) fn progress(before: &Saved, after: &Saved) {
    if let Some(wanted) = &after.wanted
        && before.wanted.as_ref().is_none_or(|old| old.revision != wanted.revision)
    {
        tracing::info!(revision = %wanted.revision, "the branch has a new tip");
    }
    if let Some(refused) = &after.refused
        && before.refused.as_ref() != Some(refused)
    {
        tracing::error!(revision = %refused.revision, reason = refused.reason, "refused");
    }
    if let Some(current) = &after.current
        && before.current.as_ref().map(|old| (&old.id, &old.phase)) != Some((&current.id, &current.phase))
    {
        tracing::info!(deployment = current.id.0, revision = %current.revision, phase = ?current.phase, "deployment");
    }
    if let Some(record) = after.history.last()
        && before.history.last() != Some(record)
    {
        let (deployment, revision, outcome) = (record.id.0, &record.revision, record.outcome.as_str());
        match &record.reason {
            None => tracing::info!(deployment, %revision, outcome, "deployment ended"),
            Some(reason) => tracing::warn!(deployment, %revision, outcome, reason, "deployment ended"),
        }
    }
}
