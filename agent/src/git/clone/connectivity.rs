//! Whether a commit is there whole. A server can leave objects out of a valid pack, and gitoxide then sets the ref all
//! the same; git does not.

use std::collections::HashSet;

use gix::ObjectId;
use gix::objs::tree::EntryKind;
use gix::objs::{Exists as _, FindExt as _};

use super::CloneError;
use super::commit::find_commit;

/// Checks that every tree and blob of the commit is in the clone, and that every blob has the content that its id says: what
/// came with an earlier fetch may have been spoilt by the disk since.
///
/// # Errors
/// `Damaged`, with the object that is missing or spoilt.
pub(in crate::git) fn check_complete(repo: &gix::Repository, commit: ObjectId) -> Result<(), CloneError> {
    let missing = |what, id: &gix::oid| CloneError::Damaged {
        path: repo.git_dir().to_owned(),
        reason: format!("{what} {id} of commit {commit} is missing or spoilt"),
    };
    let root = find_commit(repo, commit)?.ok_or_else(|| missing("the commit", &commit))?.tree;
    let (mut buffer, mut seen, mut todo) = (Vec::new(), HashSet::new(), vec![root]);
    while let Some(id) = todo.pop() {
        if !seen.insert(id) {
            continue;
        }
        if !repo.objects.exists(&id) {
            return Err(missing("tree", &id));
        }
        for entry in repo.objects.find_tree_iter(&id, &mut buffer).map_err(|_| missing("tree", &id))? {
            let entry = entry.map_err(|_| missing("tree", &id))?;
            match entry.mode.kind() {
                EntryKind::Tree => todo.push(entry.oid.to_owned()),
                // A submodule: its commit is in another repository.
                EntryKind::Commit => {}
                EntryKind::Blob | EntryKind::BlobExecutable | EntryKind::Link => {
                    if seen.insert(entry.oid.to_owned()) && !has_content(repo, entry.oid) {
                        return Err(missing("blob", entry.oid));
                    }
                }
            }
        }
    }
    Ok(())
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
    use super::*;

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
