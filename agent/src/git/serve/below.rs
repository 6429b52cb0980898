//! The line below a tip. Before the first deployment the clone has the tip alone: then it is deepened, once for each tip.

use std::collections::HashSet;
use std::num::NonZeroU32;

use pull_agent_core::Revision;

use super::Fault;
use super::bring::Work;
use super::trusted::Trusted;
use crate::git::child::{Below, FetchRequest};
use crate::git::clone::{self, Commit, Found, OnLine, line, object_id, sweep_locked, take_lock};

/// So many commits below the tip are looked at.
const MOST: usize = 20;

/// The tip, what is looked at below it, and one more with whose tree they are compared.
const DEPTH: NonZeroU32 = NonZeroU32::new(22).expect("more than none");

/// Returns what the branch has below the tip and has not taken back and that is signed as it must be, newest first, down to what is deployed or held; nothing
/// where there is no clone yet.
pub(super) fn below(request: &FetchRequest) -> Result<Vec<Below>, Fault> {
    let _lock = take_lock(&request.repository)?;
    sweep_locked(&request.repository)?;
    let Found::Clone(clone) = clone::find(&request.repository, &request.remote.url)? else {
        return Ok(Vec::new());
    };
    let tip = object_id(&request.revision);
    let ends: HashSet<_> = request.deployed.iter().chain(&request.held).map(object_id).collect();
    let mut found = line(&clone.open()?, tip, &ends, MOST)?;
    if !found.is_whole && request.deployed.is_none() {
        Work::of(request, &clone).deepen(DEPTH)?;
        found = line(&clone.open()?, tip, &ends, MOST)?;
    }
    let mut trusted = Trusted::of(request);
    let mut all = Vec::new();
    for on_line in found.standing() {
        let objection = match &mut trusted {
            Some(trusted) => trusted.objection(&clone, on_line.id)?,
            None => None,
        };
        if objection.is_none() {
            all.extend(below_of(on_line));
        }
    }
    Ok(all)
}

/// None for an id that no commit can have.
fn below_of(on_line: &OnLine) -> Option<Below> {
    let OnLine { id, commit: Commit { subject, author, .. } } = on_line;
    let revision = Revision::parse(&id.to_string()).ok()?;
    Some(Below { revision, subject: subject.clone(), author: author.clone() })
}
