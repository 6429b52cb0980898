//! The first-parent line below a tip: what was the branch before, commit by commit.

use std::collections::HashSet;

use gix::ObjectId;

use super::CloneError;
use super::commit::{Commit, find_commit};

/// One commit of the line.
#[derive(Debug)]
pub(in crate::git) struct OnLine {
    pub(in crate::git) id: ObjectId,
    pub(in crate::git) commit: Commit,
}

/// What the clone has of the line.
#[derive(Debug)]
pub(in crate::git) struct Line {
    /// The tip, and what is below it, newest first.
    commits: Vec<OnLine>,
    /// The tree of what the line was followed to, where the clone has it.
    end: Option<ObjectId>,
    /// Whether it was followed to its end, and not only as far as the clone goes.
    pub(in crate::git) is_whole: bool,
}

/// Follows the line from `tip` for at most `most` commits below it, to the first of `ends`, which is not part of it.
pub(in crate::git) fn line(
    repo: &gix::Repository,
    tip: ObjectId,
    ends: &HashSet<ObjectId>,
    most: usize,
) -> Result<Line, CloneError> {
    let mut line = Line { commits: Vec::new(), end: None, is_whole: true };
    let mut next = Some(tip);
    while let Some(id) = next {
        let Some(commit) = find_commit(repo, id)? else {
            line.is_whole = false;
            break;
        };
        if ends.contains(&id) || line.commits.len() > most {
            line.end = Some(commit.tree);
            break;
        }
        next = commit.parents.first().copied();
        line.commits.push(OnLine { id, commit });
    }
    Ok(line)
}

impl Line {
    /// Those below the tip that the branch has not taken back since, newest first. Taken back is one after which a newer one
    /// has the tree of an older one again, or says that it reverts what the older has. What has the very tree of the tip is
    /// what the branch wants, whatever happened in between.
    pub(in crate::git) fn standing(&self) -> impl Iterator<Item = &OnLine> {
        let below = self.commits.iter().enumerate().skip(1);
        below.filter(|(place, _)| !self.is_taken_back(*place)).map(|(_, commit)| commit)
    }

    fn is_taken_back(&self, place: usize) -> bool {
        let (newer, rest) = self.commits.split_at(place);
        let Some((commit, older)) = rest.split_first() else { return false };
        if newer.first().is_some_and(|tip| tip.commit.tree == commit.commit.tree) {
            return false;
        }
        let trees: HashSet<ObjectId> = older.iter().map(|it| it.commit.tree).chain(self.end).collect();
        let contains = |id: &ObjectId| rest.iter().any(|it| it.id == *id);
        newer.iter().any(|it| {
            (trees.contains(&it.commit.tree) && it.commit.tree != commit.commit.tree)
                || it.commit.reverts.iter().any(contains)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> ObjectId {
        ObjectId::from_bytes_or_panic(&[number; 20])
    }

    /// The line whose trees these are, newest first; the tip has the id 1, the one below it the id 2.
    fn line(trees: &[u8], end: Option<u8>) -> Line {
        let commit = |(place, tree): (usize, &u8)| OnLine {
            id: id(u8::try_from(place).expect("a short line") + 1),
            commit: Commit {
                tree: id(*tree),
                parents: Vec::new(),
                subject: String::new(),
                author: String::new(),
                seconds: None,
                reverts: Vec::new(),
                written: Vec::new(),
            },
        };
        Line { commits: trees.iter().enumerate().map(commit).collect(), end: end.map(id), is_whole: true }
    }

    fn standing(line: &Line) -> Vec<ObjectId> {
        line.standing().map(|commit| commit.id).collect()
    }

    #[test]
    fn what_nobody_took_back_stands() {
        assert_eq!(standing(&line(&[14, 13, 12, 11], Some(10))), [id(2), id(3), id(4)]);
        assert_eq!(standing(&line(&[11], Some(10))).len(), 0);
    }

    #[test]
    fn what_is_reverted_does_not_stand_and_what_is_older_does() {
        assert_eq!(
            standing(&line(&[12, 13, 12, 11], Some(10))),
            [id(3), id(4)],
            "the tip takes the one below it back"
        );
        assert_eq!(
            standing(&line(&[10, 12, 11], Some(10))).len(),
            0,
            "the tip takes both back to the deployed tree"
        );
        assert_eq!(
            standing(&line(&[14, 12, 13, 12, 11], Some(10))),
            [id(2), id(4), id(5)],
            "below the tip too"
        );
    }

    #[test]
    fn what_the_tip_has_again_stands() {
        assert_eq!(
            standing(&line(&[12, 11, 12, 11], Some(10))),
            [id(3), id(4)],
            "reverted, and brought again"
        );
    }

    #[test]
    fn a_commit_without_a_change_takes_nothing_back() {
        assert_eq!(standing(&line(&[13, 12, 12, 11], Some(10))), [id(2), id(3), id(4)]);
    }

    #[test]
    fn a_revert_below_other_changes_is_known_by_its_words() {
        let mut line = line(&[14, 13, 12, 11], Some(10));
        line.commits[0].commit.reverts = vec![id(3)];
        assert_eq!(standing(&line), [id(4)], "the one below the tip has what is reverted too");
    }
}
