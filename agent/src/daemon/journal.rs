//! What the journal is told of the loop: one line for what the world brought, and one for each step that a deployment took,
//! at the level of who must act.

use pull_agent_core::{DeploymentId, Event, Phase, Record, Refused, Revision, Saved};

/// What was told last, so that each news is told once.
#[derive(Debug)]
pub(super) struct Journal {
    wanted: Option<Revision>,
    refused: Option<Refused>,
    current: Option<(DeploymentId, Phase)>,
    ended: Option<Record>,
}

impl Journal {
    /// Takes what a process finds at its start for told.
    pub(super) fn new(saved: &Saved) -> Self {
        let current = saved.current.as_ref();
        Self {
            wanted: saved.wanted.as_ref().map(|wanted| wanted.revision.clone()),
            refused: saved.refused.clone(),
            current: current.map(|current| (current.id, current.phase.clone())),
            ended: saved.history.last().cloned(),
        }
    }

    /// Tells what is new since the last time.
    pub(super) fn progress(&mut self, saved: &Saved) {
        let wanted = saved.wanted.as_ref().map(|wanted| &wanted.revision);
        if is_news(&mut self.wanted, wanted)
            && let Some(revision) = wanted
        {
            tracing::info!(%revision, "the branch has a new tip");
        }
        if is_news(&mut self.refused, saved.refused.as_ref())
            && let Some(refused) = &saved.refused
        {
            tracing::error!(revision = %refused.revision, reason = refused.reason, "refused");
        }
        let step = saved.current.as_ref().map(|current| (current.id, current.phase.clone()));
        if is_news(&mut self.current, step.as_ref())
            && let Some(current) = &saved.current
        {
            tracing::info!(deployment = current.id.0, revision = %current.revision, phase = ?current.phase, "deployment");
        }
        if is_news(&mut self.ended, saved.history.last())
            && let Some(record) = saved.history.last()
        {
            ended(record);
        }
    }
}

/// Whether this is another one than was told last, which it is from now on.
fn is_news<T: Clone + PartialEq>(told: &mut Option<T>, now: Option<&T>) -> bool {
    let news = told.as_ref() != now;
    if news {
        *told = now.cloned();
    }
    news
}

fn ended(record: &Record) {
    let (deployment, revision, outcome) = (record.id.0, &record.revision, record.outcome.as_str());
    match &record.reason {
        None => tracing::info!(deployment, %revision, outcome, "deployment ended"),
        Some(reason) => tracing::warn!(deployment, %revision, outcome, reason, "deployment ended"),
    }
}

/// Tells what the world brought.
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
