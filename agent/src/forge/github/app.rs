//! A GitHub App: it signs a word with its private key, and GitHub hands out a token of one of its installations for an hour
//! (docs.github.com/apps: generating-a-json-web-token-jwt-for-a-github-app, generating-an-installation-access-token).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::error::AskError;
use crate::clock::wall;
use crate::forge::http::{Denied, HttpError, Posted, Question, date_of};
use crate::secret::{SigningKey, Token};
use crate::settings::GithubApp;

/// Key of the configuration that names the private key.
const KEY: &str = "gate.app.private_key_file";

/// The word of the app is dated back by so many seconds and is good for the rest of ten minutes, the longest that GitHub allows.
const BACK: i64 = 60;
const AHEAD: i64 = 540;

/// So many seconds between two clocks are no reason to try again.
const SAME_TIME: i64 = 30;

/// A token is renewed so long before it ends.
const BEFORE_ITS_END: Duration = Duration::from_secs(300);

/// GitHub's tokens are good for an hour; what says more is not believed.
const LONGEST: Duration = Duration::from_secs(3600);

/// One installation of an App.
#[derive(Debug)]
pub(super) struct Installation {
    app: GithubApp,
    tokens: Url,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<(Arc<Token>, Instant)>,
    /// Seconds by which GitHub's clock is ahead of the host's.
    ahead: i64,
}

impl Installation {
    /// `tokens` is where its tokens are made.
    pub(super) fn new(app: &GithubApp, tokens: Url) -> Self {
        Self { app: app.clone(), tokens, state: Mutex::default() }
    }

    /// Gives the question a token: the last one, or a new one shortly before that ends.
    ///
    /// # Errors
    /// When the private key cannot be used or GitHub makes no token.
    pub(super) async fn log_in(&self, question: &mut Question<'_>) -> Result<(), AskError> {
        let known = self.with(|state| state.token.clone());
        if let Some((token, _)) = known.filter(|(_, until)| Instant::now() < *until) {
            question.use_token(token);
            return Ok(());
        }
        let read = SigningKey::read_apart(KEY, &self.app.private_key_file);
        let key = timeout_at(question.end(), read).await.map_err(|_| HttpError::NotBegun)?;
        let posted = self.ask_for_a_token(question, &key.map_err(HttpError::from)?).await?;
        let (token, until) = read_token(&posted).ok_or(AskError::NoToken)?;
        let token = Arc::new(token);
        self.with(|state| state.token = Some((Arc::clone(&token), until)));
        question.use_token(token);
        Ok(())
    }

    /// Forgets the token: GitHub does not take it any more.
    pub(super) fn forget(&self) {
        self.with(|state| state.token = None);
    }

    /// A host whose clock is wrong is refused; GitHub's own clock, which its refusal tells, is taken then.
    async fn ask_for_a_token(
        &self,
        question: &mut Question<'_>,
        key: &SigningKey,
    ) -> Result<Posted, AskError> {
        let refused = |reason: &HttpError| AskError::LogIn {
            app: self.app.id,
            installation: self.app.installation_id,
            reason: reason.sentence(),
        };
        let ahead = self.with(|state| state.ahead);
        let error = match self.post(question, key, ahead).await? {
            Ok(posted) => return Ok(posted),
            Err(error) => error,
        };
        let HttpError::Refused(refusal) = &error else { return Err(refused(&error)) };
        match ahead_of_the_host(refusal.denied()) {
            Some(told) if told.abs_diff(ahead) > SAME_TIME.unsigned_abs() => {
                tracing::warn!(
                    seconds = told,
                    "the forge's clock is ahead of the host's by so much; it is reckoned with"
                );
                self.with(|state| state.ahead = told);
                self.post(question, key, told).await?.map_err(|error| refused(&error))
            }
            Some(_) | None => Err(refused(&error)),
        }
    }

    async fn post(
        &self,
        question: &mut Question<'_>,
        key: &SigningKey,
        ahead: i64,
    ) -> Result<Result<Posted, HttpError>, AskError> {
        let now = seconds().saturating_add(ahead);
        let word = key.token(self.app.id, now.saturating_sub(BACK), now.saturating_add(AHEAD));
        question.use_token(Arc::new(word.map_err(|_| AskError::NotSigned)?));
        Ok(question.post(&self.tokens).await)
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // Each change is whole, whatever happened to the one who held the lock.
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether GitHub does not take the token that was sent.
pub(super) fn is_unauthorized(error: &AskError) -> bool {
    matches!(error, AskError::Http(HttpError::Refused(it)) if it.denied().status == StatusCode::UNAUTHORIZED)
}

fn ahead_of_the_host(denied: &Denied) -> Option<i64> {
    let date = date_of(&denied.headers).filter(|_| denied.status == StatusCode::UNAUTHORIZED)?;
    Some(date.as_second().saturating_sub(seconds()))
}

fn seconds() -> i64 {
    i64::try_from(wall().0 / 1000).unwrap_or(i64::MAX)
}

/// The token, and until when it is used. How long it is good for is reckoned by GitHub's clock alone.
fn read_token(posted: &Posted) -> Option<(Token, Instant)> {
    #[derive(Deserialize)]
    struct Body {
        token: String,
        expires_at: String,
    }
    let Body { token, expires_at } = serde_json::from_slice(&posted.body).ok()?;
    let end: Timestamp = expires_at.parse().ok()?;
    let now = posted.date.map_or_else(seconds, Timestamp::as_second);
    let good_for =
        Duration::from_secs(end.as_second().saturating_sub(now).max(0).unsigned_abs()).min(LONGEST);
    Some((Token::handed_out(token)?, Instant::now() + good_for.saturating_sub(BEFORE_ITS_END)))
}
