//! The two refs of the clone: the branch, at what was fetched last, and `refs/pull-agent/deployed`, so that the anchor
//! of the forward-only test stays reachable for whoever collects garbage.

use gix::ObjectId;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target};

use super::CloneError;
use super::damaged;

/// Keeps the deployed revision.
const DEPLOYED: &str = "refs/pull-agent/deployed";

/// Returns what the branch was at when it was fetched last.
pub(in crate::git) fn branch_tip(
    repo: &gix::Repository,
    reference: &str,
) -> Result<Option<ObjectId>, CloneError> {
    let found = repo.try_find_reference(reference).map_err(|error| damaged(repo.git_dir(), &error))?;
    Ok(found.and_then(|found| found.try_id().map(gix::Id::detach)))
}

/// Sets both refs and removes other branches, whose names could be in the way of this one's.
pub(in crate::git) fn set_refs(
    repo: &gix::Repository,
    reference: &str,
    tip: ObjectId,
    deployed: Option<ObjectId>,
) -> Result<(), CloneError> {
    let fault = |error: gix::Error| damaged(repo.git_dir(), &error);
    let mut others = Vec::new();
    for branch in repo.references().map_err(fault)?.local_branches().map_err(fault)? {
        let branch = branch.map_err(fault)?;
        if branch.name().as_bstr() != reference {
            others.push(branch.name().to_owned());
        }
    }
    repo.edit_references(others.into_iter().map(delete)).map_err(fault)?;
    let mut edits = vec![update(reference, tip).map_err(fault)?];
    if let Some(id) = deployed {
        edits.push(update(DEPLOYED, id).map_err(fault)?);
    }
    repo.edit_references(edits).map_err(fault)?;
    Ok(())
}

fn update(name: &str, id: ObjectId) -> Result<RefEdit, gix::Error> {
    let log = LogChange { mode: RefLog::AndReference, force_create_reflog: false, message: "fetch".into() };
    Ok(RefEdit {
        change: Change::Update { log, expected: PreviousValue::Any, new: Target::Object(id) },
        name: FullName::try_from(name).map_err(gix::Error::from_error)?,
        deref: false,
    })
}

fn delete(name: FullName) -> RefEdit {
    let change = Change::Delete { expected: PreviousValue::Any, log: RefLog::AndReference };
    RefEdit { change, name, deref: false }
}
