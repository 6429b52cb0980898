//! What the branch has below its tip, by a child of this program.

use std::path::Path;

use pull_agent_core::Revision;

use super::child::{self, Below, Completed};
use super::fetch::{FetchError, request, sweep_after};
use crate::settings::{Source, Trust};

/// Returns what the clone `<repository>/.git` has on the first-parent line below `tip`, which was fetched, newest first: at most
/// 20 commits, down to `deployed` or the first of `held`. What the branch has taken back since is left out, and what has not the signatures that `trust` wants. Without a deployed revision
/// the clone has the tip alone, and more of its history is fetched first. Takes `source.timeout` at most; dropping the future
/// kills the child, `program` being this program's own file.
///
/// # Errors
/// One sentence of what went wrong; the clone is as it was before, or damaged in a way that the next fetch heals.
pub async fn below_tip(
    program: &Path,
    source: &Source,
    trust: Option<&Trust>,
    repository: &Path,
    tip: &Revision,
    deployed: Option<&Revision>,
    held: &[Revision],
) -> Result<Vec<Below>, FetchError> {
    let asked = child::Request::Below(request(source, trust, repository, tip, deployed, held));
    match child::run(program, &asked, source.timeout).await {
        Ok(Completed::Below(found)) => Ok(found),
        Ok(Completed::Tip(_) | Completed::Fetched(_) | Completed::Proof(_)) => {
            Err(FetchError::Answer { revision: tip.clone() })
        }
        Err(error) => {
            sweep_after(repository).await;
            Err(FetchError::Below { revision: tip.clone(), source: error })
        }
    }
}
