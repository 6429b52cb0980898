//! `agentctl nudge`: look now; with `--wait` until the outcome is known.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use pull_agent_protocol::{NudgeRequest, RevisionAnswer, RevisionState, Status};
use pull_agent_text::duration;
use tokio::time::{Instant, sleep};

use super::Context;
use crate::client::{Response, refusal};
use crate::error::{Error, Failure};
use crate::render::short;
use crate::screen::harmless;

/// One question to the agent waits so long for news; what it says meanwhile is printed after it.
const QUESTION: Duration = Duration::from_secs(5);
/// Between two questions that are answered at once.
const AGAIN: Duration = Duration::from_millis(500);
/// Beside the wait, for the answer itself.
const GRACE: Duration = Duration::from_secs(10);

pub(super) async fn run(context: &Context, revision: Option<String>) -> Result<ExitCode, Error> {
    let when = if revision.is_some() { "now" } else { "within two seconds" };
    let answer = send(context, revision).await?;
    if context.json {
        context.print_json(&answer)?;
    } else {
        context.screen.print(&format!("the agent looks at the branch {when}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Exit code 0 when the host runs the revision, 1 when it will not, 5 when that is not decided in time.
pub(super) async fn wait(
    context: &Context,
    revision: Option<String>,
    timeout: Duration,
) -> Result<ExitCode, Error> {
    let before = context.client.status().await?;
    send(context, revision.clone()).await?;
    let mut waiting = Waiting { context, timeout, until: Instant::now() + timeout, said: String::new() };
    let revision = match revision {
        Some(revision) => revision,
        None => waiting.for_tip(&before).await?,
    };
    waiting.for_outcome(&revision).await
}

async fn send(context: &Context, revision: Option<String>) -> Result<Response, Error> {
    let body = match &revision {
        Some(_) => {
            serde_json::to_string(&NudgeRequest { revision }).map_err(|e| Error::failed(e.to_string()))?
        }
        None => String::new(),
    };
    context.client.post("/v1/nudge", body).await
}

struct Waiting<'c> {
    context: &'c Context,
    timeout: Duration,
    until: Instant,
    said: String,
}

impl Waiting<'_> {
    /// The tip that the look finds: what is wanted after the next answer of the remote, or what runs already.
    async fn for_tip(&mut self, before: &Status) -> Result<String, Error> {
        loop {
            let (status, gone) = match self.context.client.status().await {
                Ok(status) => (Some(status), None),
                Err(error) => (None, Some(self.gone(error)?)),
            };
            if let Some(status) = status {
                if status.source.last_success_at.is_some()
                    && status.source.last_success_at != before.source.last_success_at
                {
                    let tip = status.wanted.map(|wanted| wanted.revision).or(status.running.revision);
                    return tip.ok_or_else(|| {
                        Error::failed("the branch has no revision that the agent may deploy")
                    });
                }
                self.say(&status.summary)?;
            }
            self.pause(AGAIN, gone).await?;
        }
    }

    async fn for_outcome(&mut self, revision: &str) -> Result<ExitCode, Error> {
        loop {
            let wait = self.until.saturating_duration_since(Instant::now()).min(QUESTION);
            let path = format!("/v1/revisions/{revision}?wait={}", wait.as_secs());
            let asked = self.context.client.get_within(&path, wait + GRACE).await;
            let gone = match asked.and_then(|answer| Ok((document(&answer)?, answer))) {
                Ok((told, answer)) => match told.state {
                    RevisionState::Running => return self.end(&told, &answer, ExitCode::SUCCESS),
                    RevisionState::Failed | RevisionState::Refused => {
                        return self.end(&told, &answer, Failure::Failed.into());
                    }
                    RevisionState::Undecided | RevisionState::Unknown if Instant::now() >= self.until => {
                        return self.end(&told, &answer, Failure::Undecided.into());
                    }
                    RevisionState::Undecided | RevisionState::Unknown => {
                        self.say(&format!("{}: {}", short(revision), told.reason))?;
                        None
                    }
                },
                Err(error) => Some(self.gone(error)?),
            };
            self.pause(AGAIN, gone).await?;
        }
    }

    /// The outcome goes to stdout; only the document with `--json`.
    fn end(&self, told: &RevisionAnswer, answer: &Response, code: ExitCode) -> Result<ExitCode, Error> {
        if self.context.json {
            self.context.print_json(answer)?;
            return Ok(code);
        }
        let word = match told.state {
            RevisionState::Running => "runs".to_owned(),
            RevisionState::Failed => "failed".to_owned(),
            RevisionState::Refused => "will not be deployed".to_owned(),
            RevisionState::Undecided | RevisionState::Unknown => {
                format!("is not decided after {}", duration::format(self.timeout))
            }
        };
        let reason = told.reason.strip_prefix("failed: ").unwrap_or(&told.reason);
        let line = format!("{} {word}: {}", short(&told.revision), harmless(reason));
        self.context.screen.print(&format!("{line}\n"))?;
        Ok(code)
    }

    /// An agent that is gone for a while is waited for: a switch may restart it. Every other error counts at once.
    fn gone(&mut self, error: Error) -> Result<Error, Error> {
        if error.failure() != Failure::Unreachable {
            return Err(error);
        }
        self.say(&format!("{error}; waiting for it"))?;
        Ok(error)
    }

    async fn pause(&self, length: Duration, gone: Option<Error>) -> Result<(), Error> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let limit = duration::format(self.timeout);
            return Err(gone.unwrap_or_else(|| {
                Error::new(Failure::Undecided, format!("nothing was decided within {limit}"))
                    .with_hint("agentctl status")
            }));
        }
        sleep(length.min(left)).await;
        Ok(())
    }

    /// Progress is told on stderr, each news once.
    fn say(&mut self, news: &str) -> Result<(), Error> {
        if self.said != news {
            news.clone_into(&mut self.said);
            writeln!(std::io::stderr().lock(), "{}", harmless(news))?;
        }
        Ok(())
    }
}

/// The answer of the route, whose status code says what its `state` says; any other answer is a refusal.
fn document(answer: &Response) -> Result<RevisionAnswer, Error> {
    match answer.read::<RevisionAnswer>() {
        Ok(told) if told.state.is_said_by(answer.status.as_u16()) => Ok(told),
        Ok(_) | Err(_) => Err(refusal(answer)),
    }
}
