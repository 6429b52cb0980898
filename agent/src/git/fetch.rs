//! Brings one revision into the clone, by a child of this program. This is the agent's side: it asks, and sweeps when the
//! child did not come to its end.

use std::path::Path;

use pull_agent_core::{Ancestry, Fetched, Revision};

use super::child::{self, ChildError, Completed, FetchAnswer, FetchRequest, Request, Standing};
use super::remote::Remote;
use super::sweep;
use crate::error::chain;
use crate::settings::{Source, Trust};
use crate::text;

/// Most bytes of history since the deployed revision; with more of it the proof is given up, not the fetch.
const MAX_HISTORY: u64 = 256 * 1024 * 1024;

/// Why a revision was not brought into the clone.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The child failed, was killed at its deadline or died.
    #[error("{revision} could not be fetched from {url}")]
    Child {
        /// What was asked for.
        revision: Revision,
        /// Remote.
        url: String,
        /// Why not.
        #[source]
        source: ChildError,
    },
    /// The same, of a look below a tip.
    #[error("what is below {revision} could not be looked at")]
    Below {
        /// The tip.
        revision: Revision,
        /// Why not.
        #[source]
        source: ChildError,
    },
    /// The child answered something else than asked.
    #[error("what was asked about {revision} ended with an answer to another question")]
    Answer {
        /// What was asked for.
        revision: Revision,
    },
}

/// Brings `revision` into the clone `<repository>/.git`, whole and synced to disk, sets `refs/heads/<branch>` to it and
/// finds where it stands to `deployed`, which of `held` it descends from, and whether it has the signatures that `trust` wants. Takes `source.timeout` at most; dropping the future kills the child, `program`
/// being this program's own file. What a killed child leaves is removed by the next fetch or [`sweep`].
///
/// # Errors
/// One sentence of what went wrong; the clone is as it was before, or damaged in a way that the next fetch heals.
pub async fn fetch(
    program: &Path,
    source: &Source,
    trust: Option<&Trust>,
    repository: &Path,
    revision: &Revision,
    deployed: Option<&Revision>,
    held: &[Revision],
) -> Result<Fetched, FetchError> {
    let asked = Request::Fetch(request(source, trust, repository, revision, deployed, held));
    match child::run(program, &asked, source.timeout).await {
        Ok(Completed::Fetched(answer)) => Ok(fetched(answer)),
        Ok(Completed::Tip(_) | Completed::Below(_) | Completed::Proof(_)) => {
            Err(FetchError::Answer { revision: revision.clone() })
        }
        Err(source_error) => {
            sweep_after(repository).await;
            Err(FetchError::Child {
                revision: revision.clone(),
                url: source.url.clone(),
                source: source_error,
            })
        }
    }
}

/// What the child is told of a revision.
pub(super) fn request(
    source: &Source,
    trust: Option<&Trust>,
    repository: &Path,
    revision: &Revision,
    deployed: Option<&Revision>,
    held: &[Revision],
) -> FetchRequest {
    FetchRequest {
        remote: Remote::of(source),
        repository: repository.to_owned(),
        revision: revision.clone(),
        deployed: deployed.cloned(),
        trust: trust.cloned(),
        held: held.to_vec(),
        max_history: MAX_HISTORY,
    }
}

fn fetched(answer: FetchAnswer) -> Fetched {
    for note in &answer.notes {
        tracing::warn!("{}", text::sentence(note));
    }
    let ancestry = match answer.standing {
        None => Ancestry::NothingDeployed,
        Some(Standing::Descendant) => Ancestry::Descendant,
        Some(Standing::NotDescendant(sentence)) => Ancestry::NotDescendant(sentence),
    };
    let FetchAnswer { subject, author, contains, untrusted, .. } = answer;
    Fetched { subject, author, ancestry, contains, untrusted }
}

/// A failure here is only worth a line: the next fetch sweeps again before it does anything.
pub(super) async fn sweep_after(repository: &Path) {
    let repository = repository.to_owned();
    match tokio::task::spawn_blocking(move || sweep(&repository)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!("{}; the next fetch tries again", chain(&error)),
        Err(error) => tracing::warn!(%error, "the sweep of the clone ended early"),
    }
}
