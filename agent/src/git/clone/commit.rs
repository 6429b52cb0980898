//! One commit, read as git reads it: what it is made of must be right; who wrote it and when may be anything. gitoxide refuses
//! a commit whose author has no brackets around the address, or no date that is one, and then every commit on top of it.

use gix::ObjectId;
use gix::bstr::{BStr, ByteSlice as _};

use super::{CloneError, damaged};
use crate::text::{clean, first_line};

/// A name that cannot be read.
const NOBODY: &str = "?";

/// A commit of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::git) struct Commit {
    pub(in crate::git) tree: ObjectId,
    pub(in crate::git) parents: Vec<ObjectId>,
    /// First line of the message, harmless.
    pub(in crate::git) subject: String,
    /// Name of the author, harmless; "?" where it cannot be read.
    pub(in crate::git) author: String,
    /// When it was committed, in seconds since 1970; none where that cannot be read.
    pub(in crate::git) seconds: Option<i64>,
    /// Commits that its message says it reverts.
    pub(in crate::git) reverts: Vec<ObjectId>,
    /// Author with date, and message, as they stand: what a rebase keeps.
    pub(in crate::git) written: Vec<u8>,
}

/// What git writes into the message of a revert, before the id.
const REVERTS: &str = "This reverts commit ";

/// Reads a commit; none when the repository does not have it.
pub(in crate::git) fn find_commit(
    repo: &gix::Repository,
    id: ObjectId,
) -> Result<Option<Commit>, CloneError> {
    Ok(find_with_text(repo, id)?.map(|(commit, _)| commit))
}

/// Reads a commit, and returns the text that it was read from too; none when the repository does not have it.
pub(in crate::git) fn find_with_text(
    repo: &gix::Repository,
    id: ObjectId,
) -> Result<Option<(Commit, Vec<u8>)>, CloneError> {
    let found = repo.try_find_object(id).map_err(|error| damaged(repo.git_dir(), &error))?;
    let Some(object) = found else { return Ok(None) };
    let commit = (object.kind == gix::objs::Kind::Commit).then(|| read(object.data.as_bstr())).flatten();
    let reason = || format!("{id} is no commit that can be read");
    let commit =
        commit.ok_or_else(|| CloneError::Damaged { path: repo.git_dir().to_owned(), reason: reason() })?;
    Ok(Some((commit, object.detach().data)))
}

/// Reads the text of a commit; none where it names no tree or no parent that is one.
fn read(text: &BStr) -> Option<Commit> {
    let (head, message) = text.split_once_str("\n\n").unwrap_or((text.trim_end_with(|c| c == '\n'), b""));
    let mut lines = head.lines().peekable();
    let tree = id(lines.next()?.strip_prefix(b"tree ")?)?;
    let mut parents = Vec::new();
    while let Some(parent) = lines.peek().and_then(|line| line.strip_prefix(b"parent ")) {
        parents.push(id(parent)?);
        lines.next();
    }
    let rest: Vec<&[u8]> = lines.collect();
    let field = |name: &[u8]| rest.iter().find_map(|line| line.strip_prefix(name));
    Some(Commit {
        tree,
        parents,
        subject: first_line(message),
        author: field(b"author ").map_or_else(|| NOBODY.to_owned(), name),
        seconds: field(b"committer ").and_then(seconds),
        reverts: reverted(message),
        written: [field(b"author ").unwrap_or_default(), message.trim_ascii_end()].join(&b'\n'),
    })
}

fn id(digits: &[u8]) -> Option<ObjectId> {
    ObjectId::from_hex(digits).ok()
}

/// The name of `Name <address> seconds zone`.
fn name(field: &[u8]) -> String {
    let name = field.split_once_str("<").map(|(name, _)| clean(name.to_str_lossy().trim()));
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| NOBODY.to_owned())
}

/// The seconds of it.
fn seconds(field: &[u8]) -> Option<i64> {
    let (_, date) = field.rsplit_once_str(">")?;
    date.to_str().ok()?.split_whitespace().next()?.parse().ok()
}

fn reverted(message: &[u8]) -> Vec<ObjectId> {
    let starts = message.find_iter(REVERTS).map(|at| at + REVERTS.len());
    starts.filter_map(|start| message.get(start..start + 40)).filter_map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    const PARENT: &str = "3f2a91c0d1e2f3a4b5c6d7e8f90123456789abcd";

    fn commit(author: &str, committer: &str) -> Option<Commit> {
        let text = format!(
            "tree {TREE}\nparent {PARENT}\nauthor {author}\ncommitter {committer}\nencoding x\n\nsubject\n\nbody\n"
        );
        read(text.as_bytes().as_bstr())
    }

    #[test]
    fn an_ordinary_one() {
        let read =
            commit("Ada L <ada@example.org> 1700000000 +0100", "GitHub <g@example.org> 1700000001 +0000");
        let read = read.expect("a commit");
        assert_eq!((read.author.as_str(), read.seconds), ("Ada L", Some(1_700_000_001)));
        assert_eq!((read.subject.as_str(), read.parents.len()), ("subject", 1));
    }

    #[test]
    fn who_and_when_may_be_anything() {
        for (field, author, seconds) in [
            ("Ada", "?", None),
            ("", "?", None),
            (" <> 12 +0000", "?", Some(12)),
            ("Ada <ada@example.org>", "Ada", None),
            ("Ada <ada@example.org> tomorrow", "Ada", None),
            ("Ada <ada@example.org> 99999999999999999999999 +0000", "Ada", None),
            ("Ada <ada@example.org> -1 +0000", "Ada", Some(-1)),
            ("Ada <ada\n@example.org> 5 +0000", "Ada", None),
            ("A\u{1b}[31mda <a> 5 +0000", "Ada", Some(5)),
            ("Ada <a<b>> 5 +0000", "Ada", Some(5)),
        ] {
            let read = commit(field, field).unwrap_or_else(|| panic!("{field:?}"));
            assert_eq!((read.author.as_str(), read.seconds), (author, seconds), "{field:?}");
            assert_eq!((read.subject.as_str(), read.parents.len()), ("subject", 1), "{field:?}");
        }
    }

    #[test]
    fn what_it_is_made_of_must_be_right() {
        let without = |text: &str| read(text.as_bytes().as_bstr());
        assert_eq!(without(""), None);
        assert_eq!(without("tree 123\n\nsubject"), None);
        assert_eq!(without(&format!("parent {PARENT}\ntree {TREE}\n\nsubject")), None);
        assert_eq!(without(&format!("tree {TREE}\nparent 123\n\nsubject")), None);
        let bare = without(&format!("tree {TREE}\n")).expect("a commit without anything else");
        assert_eq!((bare.subject.as_str(), bare.author.as_str(), bare.parents.len()), ("", "?", 0));
    }

    #[test]
    fn the_words_of_a_revert_are_found() {
        let message = format!("Revert \"grafana\"\n\nThis reverts commit {PARENT}, reversing\nchanges");
        assert_eq!(reverted(message.as_bytes()), [id(PARENT.as_bytes()).expect("an id")]);
        for nothing in ["This reverts commit 3f2a91c.", "This reverts commit ", "reverts nothing"] {
            assert!(reverted(nothing.as_bytes()).is_empty(), "{nothing}");
        }
    }
}
