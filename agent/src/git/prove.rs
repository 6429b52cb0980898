//! Whether a commit has the tree that was tested on a pull request, by a child of this program.

use std::path::Path;

use pull_agent_core::Revision;

use super::child::{self, Completed, ProveRequest, Request};
use super::fetch::{FetchError, sweep_after};
use super::remote::Remote;
use crate::settings::Source;

/// Looks whether `merged`, which is in the clone `<repository>/.git`, has the tree that was tested at `head`; `base` is where the
/// forge says the branch was before. Returns why that is not proven; none when it is. Takes `source.timeout` at
/// most; dropping the future kills the child, `program` being this program's own file. The clone is not changed.
///
/// # Errors
/// One sentence of what went wrong.
pub async fn prove(
    program: &Path,
    source: &Source,
    repository: &Path,
    merged: &Revision,
    head: &Revision,
    base: Option<&Revision>,
) -> Result<Option<String>, FetchError> {
    let request = Request::Prove(ProveRequest {
        remote: Remote::of(source),
        repository: repository.to_owned(),
        merged: merged.clone(),
        head: head.clone(),
        base: base.cloned(),
    });
    match child::run(program, &request, source.timeout).await {
        Ok(Completed::Proof(unproven)) => Ok(unproven),
        Ok(Completed::Tip(_) | Completed::Fetched(_) | Completed::Below(_)) => {
            Err(FetchError::Answer { revision: merged.clone() })
        }
        Err(error) => {
            sweep_after(repository).await;
            Err(FetchError::Child { revision: head.clone(), url: source.url.clone(), source: error })
        }
    }
}
