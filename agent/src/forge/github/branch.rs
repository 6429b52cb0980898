//! Where GitHub says that the branch is: `GET /repos/{owner}/{repo}/git/ref/heads/{branch}` (docs.github.com/rest/git/refs). Needs
//! *Contents: read*.

use pull_agent_core::Revision;
use reqwest::StatusCode;
use serde::Deserialize;

use super::{AskError, GitHub};
use crate::forge::http::{HttpError, Question};

impl GitHub {
    /// Returns the head of the followed branch; none where GitHub does not have it, or does not show it.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(crate) async fn head(&self, question: &mut Question<'_>) -> Result<Option<Revision>, AskError> {
        if let Some(installation) = &self.installation {
            installation.log_in(question).await?;
        }
        let url = self.repository.below(&["git", "ref", &format!("heads/{}", self.gate.branch)]);
        match question.first_page(&self.heads, url, read).await {
            Ok(heads) => Ok(heads.first().and_then(|head| Revision::parse(head).ok())),
            Err(HttpError::Refused(refusal)) if is_hidden(refusal.denied().status) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

const fn is_hidden(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::CONFLICT)
}

fn read(body: &[u8]) -> serde_json::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Ref {
        object: Object,
    }
    #[derive(Deserialize)]
    struct Object {
        sha: String,
    }
    serde_json::from_slice(body).map(|Ref { object }| vec![object.sha])
}
