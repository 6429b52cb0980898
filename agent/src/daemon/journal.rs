//! What the journal is told of the loop: one line for what the world brought, and one for each step that a deployment took,
//! at the level of who must act.

use pull_agent_core::{
    Candidate, DeploymentId, Event, Phase, ReasonCode, Record, Revision, State, WhyRefused,
};

/// What was told last, so that each news is told once.
#[derive(Debug, Default)]
pub(super) struct Journal {
    wanted: Option<Revision>,
    refused: Option<WhyRefused>,
    deployment: Option<(DeploymentId, Phase)>,
    ended: Option<Record>,
}

impl Journal {
    /// Takes what a process finds at its start for told.
    pub(super) fn new(state: &State) -> Self {
        Self {
            wanted: state.wanted().map(|wanted| wanted.revision.clone()),
            refused: refusal(state).cloned(),
            deployment: state.deployment().map(|it| (it.id, it.phase.clone())),
            ended: state.ledger().history.last().cloned(),
        }
    }

    /// Tells what is new since the last time.
    pub(super) fn progress(&mut self, state: &State) {
        let wanted = state.wanted().map(|wanted| &wanted.revision);
        if is_news(&mut self.wanted, wanted)
            && let Some(revision) = wanted
        {
            tracing::info!(%revision, "the branch has a new tip");
        }
        let refused = refusal(state);
        if is_news(&mut self.refused, refused)
            && let (Some(refused), Some(revision)) = (refused, wanted)
        {
            tracing::error!(%revision, reason = refused.reason, "refused");
        }
        let step = state.deployment().map(|it| (it.id, it.phase.clone()));
        if is_news(&mut self.deployment, step.as_ref())
            && let Some(deployment) = state.deployment()
        {
            let (id, revision) = (deployment.id.0, &deployment.candidate.revision);
            tracing::info!(deployment = id, %revision, phase = ?deployment.phase, "deployment");
        }
        let last = state.ledger().history.last();
        if is_news(&mut self.ended, last)
            && let Some(record) = last
        {
            ended(record);
        }
    }
}

fn refusal(state: &State) -> Option<&WhyRefused> {
    state.wanted().and_then(Candidate::refusal)
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
    match &record.cause {
        None => tracing::info!(deployment, %revision, outcome, "deployment ended"),
        Some(cause) => {
            let code = cause.code().map(ReasonCode::as_str);
            tracing::warn!(deployment, %revision, outcome, code, reason = cause.sentence(), "deployment ended");
        }
    }
}

/// Tells what the world brought.
pub(super) fn event(event: &Event) {
    match event {
        Event::Polled { result: Err(error), .. } => tracing::warn!(%error, "the poll failed"),
        Event::Fetched { result: Err(error), .. } => tracing::warn!(%error, "the fetch failed"),
        Event::LookedBack { result: Err(error), .. } => {
            tracing::warn!(%error, "the look below the tip failed")
        }
        Event::Nudged { revision } => {
            tracing::info!(revision = revision.as_ref().map(ToString::to_string), "nudged");
        }
        Event::CheckedAgain { verdict, .. } => {
            tracing::info!(detail = verdict.detail, "the forge was asked again before the activation");
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
        | Event::LookedBack { .. }
        | Event::Built { .. }
        | Event::Activated { .. }
        | Event::Probed { .. } => tracing::debug!(?event, "event"),
    }
}
