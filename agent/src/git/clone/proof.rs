//! Whether a commit of the branch has the tree that was tested on a pull request, by commits alone.
//!
//! What CI tests on a pull request is the merge of its head H into the base of that moment, and the check runs hang on H. That
//! merge is H itself when the base is an ancestor of H. So the commit M that H became has the tested tree if it has the tree of H,
//! and the tip just before M, P, is an ancestor of H: then every older base is one too.
//!
//! P is the first parent of M for a merge and a squash. A rebase writes the commits of the pull request anew, and P is below
//! them: what lies between must be those very commits, by author, date and message, and nothing else. Their number alone would
//! not do: commits that came and were taken back before a squash are as many.

use std::collections::HashSet;

use gix::ObjectId;

use super::CloneError;
use super::commit::{Commit, find_commit};

/// As many commits as GitHub allows in a pull request that is rebased are 100; in any, 250.
pub(in crate::git) const MOST_GENERATIONS: usize = 250;

/// Longest walk through the history of a head.
const MOST_COMMITS: usize = 20_000;

/// Commits of one or more repositories.
#[derive(Debug)]
pub(in crate::git) struct Commits<'a>(pub(in crate::git) &'a [&'a gix::Repository]);

impl Commits<'_> {
    /// Reads one; none when it is in none of the repositories.
    pub(in crate::git) fn find(&self, id: ObjectId) -> Result<Option<Commit>, CloneError> {
        for repo in self.0 {
            if let Some(commit) = find_commit(repo, id)? {
                return Ok(Some(commit));
            }
        }
        Ok(None)
    }
}

/// What a proof comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::git) enum Proof {
    /// The commit has the tree that was tested.
    Proven,
    /// It has not, or that cannot be shown; the sentence says why.
    Unproven(String),
    /// Commits below `merged` are missing that would decide it.
    More,
}

/// Looks whether `merged` has the tree that was tested at `head`. `base` is what the forge says the branch was at before.
pub(in crate::git) fn prove(
    commits: &Commits<'_>,
    merged: ObjectId,
    head: ObjectId,
    base: Option<ObjectId>,
) -> Result<Proof, CloneError> {
    let unproven = |why: String| Ok(Proof::Unproven(why));
    let Some(commit) = commits.find(merged)? else {
        return unproven(format!("{merged} is not in the clone"));
    };
    let Some(tested) = commits.find(head)? else {
        return unproven(format!("the remote did not send its head {head}"));
    };
    if commit.tree != tested.tree {
        return unproven(format!(
            "its files are not those of {merged}: the branch had moved on when it was merged"
        ));
    }
    let Some(previous) = commit.parents.first().copied() else {
        return unproven(format!("{merged} has no parent, so there is nothing that it was merged into"));
    };
    let beyond = history(commits, head)?;
    if beyond.contains(&previous) {
        return Ok(Proof::Proven);
    }
    let stale = format!("it was not up to date with {previous}, what the branch was before");
    if commit.parents.len() != 1 {
        return unproven(stale);
    }
    let mut line = vec![merged, previous];
    while line.len() <= MOST_GENERATIONS {
        let last = line[line.len() - 1];
        if beyond.contains(&last) {
            let (rebased, onto) = (&line[..line.len() - 1], last);
            let rewritten = written(commits, rebased)?;
            let same = rewritten.is_some() && commits_beyond(commits, head, onto)? == rewritten;
            let contradicted = base.is_some_and(|base| rebased.contains(&base));
            return if same && !contradicted { Ok(Proof::Proven) } else { unproven(stale) };
        }
        let Some(commit) = commits.find(last)? else { return Ok(Proof::More) };
        let [parent] = commit.parents[..] else { return unproven(stale) };
        line.push(parent);
    }
    unproven(stale)
}

/// `from`, its ancestors, and the parents that are not there themselves, as far as the commits go.
pub(in crate::git) fn history(
    commits: &Commits<'_>,
    from: ObjectId,
) -> Result<HashSet<ObjectId>, CloneError> {
    let mut seen = HashSet::from([from]);
    let mut todo = vec![from];
    while let Some(id) = todo.pop()
        && seen.len() < MOST_COMMITS
    {
        let Some(commit) = commits.find(id)? else { continue };
        todo.extend(commit.parents.into_iter().filter(|parent| seen.insert(*parent)));
    }
    Ok(seen)
}

/// What a rebase keeps of each commit that is no merge and that `head` has beyond `onto`, sorted; none when not all of them
/// are there.
fn commits_beyond(
    commits: &Commits<'_>,
    head: ObjectId,
    onto: ObjectId,
) -> Result<Option<Vec<Vec<u8>>>, CloneError> {
    let before = history(commits, onto)?;
    let mut seen = HashSet::new();
    let mut beyond = Vec::new();
    let mut todo = vec![head];
    while let Some(id) = todo.pop() {
        if before.contains(&id) || !seen.insert(id) {
            continue;
        }
        let Some(commit) = commits.find(id)? else { return Ok(None) };
        if commit.parents.len() < 2 {
            beyond.push(commit.written);
        }
        todo.extend(commit.parents);
        if seen.len() > MOST_GENERATIONS {
            return Ok(None);
        }
    }
    beyond.sort_unstable();
    Ok(Some(beyond))
}

/// The same of these commits.
fn written(commits: &Commits<'_>, ids: &[ObjectId]) -> Result<Option<Vec<Vec<u8>>>, CloneError> {
    let mut all = Vec::new();
    for id in ids {
        let Some(commit) = commits.find(*id)? else { return Ok(None) };
        all.push(commit.written);
    }
    all.sort_unstable();
    Ok(Some(all))
}
