//! Which commit descends from which, by the commits in the clone alone. A shallow clone knows only part of the history,
//! so there are three answers, and only a path that was walked counts as a proof.

use std::collections::{BinaryHeap, HashMap, HashSet};
use std::path::Path;

use gix::ObjectId;
use pull_agent_core::Revision;

use super::CloneError;
use super::commit::find_commit;
use super::{Clone, GIT_DIR};

/// Longest walk: more commits than nixpkgs has.
const MAX_COMMITS: usize = 2_000_000;

/// Longest walk for a question from outside.
const MAX_ASKED: usize = 100_000;

/// Where one commit stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::git) enum Relation {
    /// It is the other one or descends from it.
    Descendant,
    /// It does not: every path was walked to its end or to the boundary of the other one's history.
    Unrelated,
    /// A path ends at a commit that the clone does not have.
    Unknown,
}

/// Whether `of` is `ancestor` or descends from it, as far as the clone knows; false for commits that it does not know.
/// Blocks: for `spawn_blocking`.
///
/// # Errors
/// When the clone cannot be read, or the history is too long to look through.
pub fn is_ancestor(repository: &Path, ancestor: &Revision, of: &Revision) -> Result<bool, CloneError> {
    let git_dir = repository.join(GIT_DIR);
    if !git_dir.exists() {
        return Ok(false);
    }
    let repo = Clone { git_dir }.open()?;
    let (ancestor, of) = (object_id(ancestor), object_id(of));
    Ok(walk(&repo, of, &[ancestor], &[], MAX_ASKED)? == Relation::Descendant)
}

/// Returns the id as gitoxide has it.
pub(in crate::git) fn object_id(revision: &Revision) -> ObjectId {
    // A revision is 40 hexadecimal digits, which is all that this asks for; the null id is no commit of anybody.
    ObjectId::from_hex(revision.as_str().as_bytes()).unwrap_or_else(|_| ObjectId::null(gix::hash::Kind::Sha1))
}

/// Whether the clone has this commit; says nothing of its files.
pub(in crate::git) fn has_commit(repo: &gix::Repository, id: ObjectId) -> Result<bool, CloneError> {
    Ok(find_commit(repo, id)?.is_some())
}

/// Finds where `tip` stands to a commit whose history in the clone ends at `boundary`: one of `bases` is that commit, and the others
/// are known to descend from it.
pub(in crate::git) fn relation(
    repo: &gix::Repository,
    tip: ObjectId,
    bases: &[ObjectId],
    boundary: &[ObjectId],
) -> Result<Relation, CloneError> {
    walk(repo, tip, bases, boundary, MAX_COMMITS)
}

/// Returns those of `revisions` that `tip` is or descends from, as far as the clone knows. Gives up after [`MAX_ASKED`]
/// commits, and then finds too few.
pub(in crate::git) fn contained(
    repo: &gix::Repository,
    tip: ObjectId,
    revisions: &[Revision],
) -> Result<Vec<Revision>, CloneError> {
    let mut wanted = HashMap::new();
    for revision in revisions {
        let id = object_id(revision);
        if has_commit(repo, id)? {
            wanted.insert(id, revision);
        }
    }
    let mut found = Vec::new();
    let mut seen = HashSet::from([tip]);
    let mut todo = BinaryHeap::from([(i64::MAX, tip)]);
    while let Some((_, id)) = todo.pop()
        && seen.len() <= MAX_ASKED
        && !wanted.is_empty()
    {
        let Some(commit) = find_commit(repo, id)? else { continue };
        found.extend(wanted.remove(&id).cloned());
        let unseen = commit.parents.into_iter().filter(|parent| seen.insert(*parent));
        todo.extend(unseen.map(|parent| (order(commit.seconds), parent)));
    }
    Ok(found)
}

/// Returns the commits that `tip` has beyond `base`, newest first: those that are no ancestors of `base`, as far as the clone
/// knows, and not `older`. A date that lies only makes them more.
pub(in crate::git) fn beyond(
    repo: &gix::Repository,
    tip: ObjectId,
    base: ObjectId,
    older: &HashSet<ObjectId>,
    limit: usize,
) -> Result<Vec<ObjectId>, CloneError> {
    let mut beyond = Vec::new();
    let mut within = HashMap::from([(tip, false), (base, true)]);
    let mut todo = BinaryHeap::from([(i64::MAX, tip), (i64::MAX, base)]);
    // Of those to be looked at, which are beyond: without any the rest is of no interest.
    let mut open = HashSet::from([tip]);
    open.remove(&base);
    while let Some((_, id)) = todo.pop()
        && !open.is_empty()
    {
        open.remove(&id);
        let is_within = within.get(&id).copied().unwrap_or_default();
        let Some(commit) = find_commit(repo, id)? else { continue };
        if !is_within {
            beyond.push(id);
        }
        if beyond.len() > limit {
            return Err(CloneError::TooFar { of: tip.to_string(), limit });
        }
        for parent in commit.parents {
            let known = within.get(&parent).copied();
            if older.contains(&parent) || known.is_some_and(|known| known || !is_within) {
                continue;
            }
            within.insert(parent, is_within);
            if is_within {
                open.remove(&parent);
            } else {
                open.insert(parent);
            }
            todo.push((order(commit.seconds), parent));
        }
    }
    beyond.retain(|id| within.get(id) == Some(&false));
    Ok(beyond)
}

/// Returns the commits at which the history of `tip` ends in this clone, though they have parents: what git calls
/// shallow. Found by what is there, not by what a file says.
pub(in crate::git) fn boundary(repo: &gix::Repository, tip: ObjectId) -> Result<Vec<ObjectId>, CloneError> {
    let mut found = Vec::new();
    let mut seen = HashSet::from([tip]);
    let mut todo = vec![tip];
    while let Some(id) = todo.pop() {
        let Some(commit) = find_commit(repo, id)? else { continue };
        let mut missing = false;
        for parent in &commit.parents {
            missing |= !has_commit(repo, *parent)?;
        }
        if missing {
            found.push(id);
            continue;
        }
        todo.extend(commit.parents.into_iter().filter(|parent| seen.insert(*parent)));
        if seen.len() > MAX_COMMITS {
            return Err(CloneError::TooFar { of: tip.to_string(), limit: MAX_COMMITS });
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Returns those of `revisions` that `tip` is or descends from, when it is known which of them `former` does, one of its
/// ancestors: only what is new is walked.
pub(in crate::git) fn contained_since(
    repo: &gix::Repository,
    tip: ObjectId,
    former: ObjectId,
    of_former: Vec<Revision>,
    revisions: &[Revision],
) -> Result<Vec<Revision>, CloneError> {
    if revisions.is_empty() {
        return Ok(Vec::new());
    }
    let new: HashSet<_> = beyond(repo, tip, former, &HashSet::new(), MAX_COMMITS)?.into_iter().collect();
    let is_contained =
        |revision: &&Revision| new.contains(&object_id(revision)) || of_former.contains(revision);
    Ok(revisions.iter().filter(is_contained).cloned().collect())
}

/// Walks newest first, so that a base nearby is found soon.
fn walk(
    repo: &gix::Repository,
    tip: ObjectId,
    bases: &[ObjectId],
    boundary: &[ObjectId],
    limit: usize,
) -> Result<Relation, CloneError> {
    let mut end = Relation::Unrelated;
    let mut seen = HashSet::from([tip]);
    let mut todo = BinaryHeap::from([(i64::MAX, tip)]);
    while let Some((_, id)) = todo.pop() {
        let Some(commit) = find_commit(repo, id)? else {
            end = Relation::Unknown;
            continue;
        };
        if bases.contains(&id) {
            return Ok(Relation::Descendant);
        }
        if boundary.binary_search(&id).is_ok() {
            continue;
        }
        for parent in commit.parents {
            if seen.insert(parent) {
                // The child's own time orders its parents: good enough, and saves reading them twice.
                todo.push((order(commit.seconds), parent));
            }
        }
        if seen.len() > limit {
            return Err(CloneError::TooFar { of: tip.to_string(), limit });
        }
    }
    Ok(end)
}

/// Where a commit comes in a walk; one without a date comes at once.
fn order(seconds: Option<i64>) -> i64 {
    seconds.unwrap_or(i64::MAX)
}
