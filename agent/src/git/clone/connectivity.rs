//! Whether a commit is there whole. A server can leave objects out of a valid pack, and gitoxide then sets the ref all
//! the same; git does not.

use std::collections::{HashMap, HashSet};

use gix::ObjectId;
use gix::bstr::BString;
use gix::objs::tree::EntryKind;
use gix::objs::{Exists as _, FindExt as _};

use super::CloneError;
use super::commit::find_commit;

/// How far a commit is believed to be whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::git) enum Since {
    /// Not at all: everything is read, since the disk may have spoilt what came earlier.
    Nothing,
    /// All of it came just now in a pack that was verified: it need only be there.
    ThisPack,
    /// As far as it has what this commit has, which was found whole: only what differs is read.
    Commit(ObjectId),
}

/// Checks that every tree and blob of the commit is in the clone, and that every blob that is read has the content that its id says.
///
/// # Errors
/// `Damaged`, with the object that is missing or spoilt.
pub(in crate::git) fn check_complete(
    repo: &gix::Repository,
    commit: ObjectId,
    since: Since,
) -> Result<(), CloneError> {
    let missing = |what, id: &gix::oid| missing(repo, commit, what, id);
    let root = find_commit(repo, commit)?.ok_or_else(|| missing("the commit", &commit))?.tree;
    let former = match since {
        Since::Commit(former) => find_commit(repo, former)?.map(|former| former.tree),
        Since::Nothing | Since::ThisPack => None,
    };
    let mut walk =
        Walk { repo, commit, reads: since != Since::ThisPack, seen: HashSet::new(), buffer: Vec::new() };
    let mut todo = vec![(root, former)];
    while let Some((id, former)) = todo.pop() {
        walk.tree(id, former, &mut todo)?;
    }
    Ok(())
}

fn missing(repo: &gix::Repository, commit: ObjectId, what: &str, id: &gix::oid) -> CloneError {
    CloneError::Damaged {
        path: repo.git_dir().to_owned(),
        reason: format!("{what} {id} of commit {commit} is missing or spoilt"),
    }
}

/// A walk through the trees of a commit, beside those of one that is whole.
struct Walk<'a> {
    repo: &'a gix::Repository,
    commit: ObjectId,
    /// Whether blobs are read, and not only looked for.
    reads: bool,
    seen: HashSet<ObjectId>,
    buffer: Vec<u8>,
}

impl Walk<'_> {
    fn tree(
        &mut self,
        id: ObjectId,
        former: Option<ObjectId>,
        todo: &mut Vec<(ObjectId, Option<ObjectId>)>,
    ) -> Result<(), CloneError> {
        if former == Some(id) || !self.seen.insert(id) {
            return Ok(());
        }
        let former = match former {
            Some(former) => self.entries(former)?,
            None => HashMap::new(),
        };
        for (name, (kind, entry)) in self.entries(id)? {
            let before = former.get(&name);
            match kind {
                EntryKind::Tree => {
                    let before = before.filter(|(kind, _)| *kind == EntryKind::Tree);
                    todo.push((entry, before.map(|(_, id)| *id)));
                }
                // A submodule: its commit is in another repository.
                EntryKind::Commit => {}
                EntryKind::Blob | EntryKind::BlobExecutable | EntryKind::Link => {
                    if before.is_none_or(|(_, id)| *id != entry)
                        && self.seen.insert(entry)
                        && !self.has_blob(&entry)
                    {
                        return Err(missing(self.repo, self.commit, "blob", &entry));
                    }
                }
            }
        }
        Ok(())
    }

    fn entries(&mut self, id: ObjectId) -> Result<HashMap<BString, (EntryKind, ObjectId)>, CloneError> {
        let missing = || missing(self.repo, self.commit, "tree", &id);
        if !self.repo.objects.exists(&id) {
            return Err(missing());
        }
        let entries = self.repo.objects.find_tree_iter(&id, &mut self.buffer).map_err(|_| missing())?;
        let entry = |entry: gix::objs::tree::EntryRef<'_>| {
            (entry.filename.to_owned(), (entry.mode.kind(), entry.oid.to_owned()))
        };
        entries.map(|it| it.map(entry).map_err(|_| missing())).collect()
    }

    fn has_blob(&self, id: &gix::oid) -> bool {
        if self.reads { has_content(self.repo, id) } else { self.repo.objects.exists(id) }
    }
}

/// A larger file is only looked for, as it would not fit into the memory that the child may have, in bytes.
const LARGE: u64 = 64 << 20;

/// Whether an object can be read and hashes to its id.
fn has_content(repo: &gix::Repository, id: &gix::oid) -> bool {
    if repo.find_header(id.to_owned()).is_ok_and(|header| header.size() > LARGE) {
        return true;
    }
    repo.find_object(id.to_owned()).is_ok_and(|object| {
        let hash = gix::objs::compute_hash(repo.object_hash(), object.kind, &object.data);
        hash.is_ok_and(|hash| hash == id)
    })
}

#[cfg(test)]
mod tests {
    use gix::objs::Write as _;

    use super::*;

    /// A commit whose tree has a folder with these files, and a file beside it.
    fn commit(repo: &gix::Repository, files: &[(&str, ObjectId)]) -> ObjectId {
        let blob = |(name, oid): &(&str, ObjectId)| gix::objs::tree::Entry {
            mode: EntryKind::Blob.into(),
            filename: (*name).into(),
            oid: *oid,
        };
        let folder = gix::objs::Tree { entries: files.iter().map(blob).collect() };
        let folder = repo.write_object(&folder).expect("written").detach();
        let entry =
            gix::objs::tree::Entry { mode: EntryKind::Tree.into(), filename: "folder".into(), oid: folder };
        let root = repo.write_object(&gix::objs::Tree { entries: vec![entry] }).expect("written").detach();
        let text = format!("tree {root}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\nx\n");
        repo.objects.write_buf(gix::objs::Kind::Commit, text.as_bytes()).expect("written")
    }

    #[test]
    fn of_a_commit_beside_another_what_differs_must_be_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let repo = gix::init_bare(folder.path()).expect("a repository");
        let [one, two] = ["one", "two"].map(|text| repo.write_blob(text).expect("written").detach());
        let missing = ObjectId::from_bytes_or_panic(&[7; 20]);
        let whole = commit(&repo, &[("a", one)]);
        let check = |commit, since| check_complete(&repo, commit, since).is_ok();
        for since in [Since::Nothing, Since::ThisPack, Since::Commit(whole)] {
            assert!(check(commit(&repo, &[("a", one), ("b", two)]), since), "{since:?}");
            assert!(!check(commit(&repo, &[("a", one), ("b", missing)]), since), "{since:?}");
            assert!(!check(commit(&repo, &[("a", missing)]), since), "{since:?}");
        }
        let former = commit(&repo, &[("a", missing)]);
        let again = commit(&repo, &[("a", missing), ("b", two)]);
        assert!(check(again, Since::Commit(former)), "what was there before is not looked for again");
        assert!(!check(again, Since::Nothing), "until everything is");
    }

    #[test]
    fn a_file_with_the_content_of_another_one_is_spoilt() {
        let folder = tempfile::tempdir().expect("a folder");
        let repo = gix::init_bare(folder.path()).expect("a repository");
        let [one, other] = ["one", "other"].map(|text| repo.write_blob(text).expect("written").detach());
        let place = |id: ObjectId| {
            let name = id.to_string();
            folder.path().join("objects").join(&name[..2]).join(&name[2..])
        };
        assert!(has_content(&repo, &one) && has_content(&repo, &other));
        std::fs::remove_file(place(one)).expect("it was there");
        assert!(!has_content(&repo, &one), "it is missing");
        std::fs::copy(place(other), place(one)).expect("copied");
        assert!(!has_content(&repo, &one), "it is another one");
    }
}
