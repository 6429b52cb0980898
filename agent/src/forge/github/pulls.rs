//! The pull requests of which a commit is known: `GET /repos/{owner}/{repo}/commits/{sha}/pulls`
//! (docs.github.com/rest/commits/commits). Read leniently: only what is used must be right.

use pull_agent_core::Revision;
use serde::Deserialize;

/// One pull request, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Pull {
    number: u64,
    /// Set once it is merged.
    merged_at: Option<String>,
    /// What it became; before the merge GitHub's own test merge.
    merge_commit_sha: Option<String>,
    head: Option<End>,
    base: Option<End>,
}

/// One side of a pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct End {
    #[serde(rename = "ref")]
    branch: Option<String>,
    sha: Option<String>,
    repo: Option<Repo>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Repo {
    full_name: Option<String>,
}

/// A pull request that became a commit of the branch, as the forge says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Its number.
    pub number: u64,
    /// The tip of its branch, on which its check runs hang.
    pub head: Revision,
    /// Where the followed branch was before, as far as the forge says; undocumented, so it proves nothing by itself.
    pub base: Option<Revision>,
}

/// Takes the merged pull requests out of one page.
pub(super) fn read(body: &[u8]) -> serde_json::Result<Vec<Pull>> {
    let pulls: Vec<Pull> = serde_json::from_slice(body)?;
    Ok(pulls.into_iter().filter(|pull| pull.merged_at.is_some()).collect())
}

/// The one that became this commit by being merged into this branch of this repository. A list also has those that are
/// open, that merely contain the commit, or that went into another branch.
pub(super) fn that_became(
    pulls: &[Pull],
    revision: &Revision,
    branch: &str,
    repository: &str,
) -> Option<Merged> {
    pulls.iter().find_map(|pull| {
        let (head, base) = (pull.head.as_ref()?, pull.base.as_ref()?);
        let into = base.repo.as_ref().and_then(|repo| repo.full_name.as_deref());
        let is_it = pull.merge_commit_sha.as_deref() == Some(revision.as_str())
            && base.branch.as_deref() == Some(branch)
            && into.is_none_or(|into| into.eq_ignore_ascii_case(repository));
        let id = |end: &End| end.sha.as_deref().and_then(|sha| Revision::parse(sha).ok());
        is_it.then_some(())?;
        Some(Merged { number: pull.number, head: id(head)?, base: id(base) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MERGED: &str = "3f2a91c0000000000000000000000000000000aa";
    const HEAD: &str = "3f2a91c0000000000000000000000000000000bb";

    fn found(pull: &str) -> Option<Merged> {
        let pulls = read(format!("[{pull}]").as_bytes()).expect("a list");
        that_became(&pulls, &Revision::parse(MERGED).expect("an id"), "main", "poby/infra")
    }

    fn pull(merged_at: &str, merge_commit: &str, branch: &str, into: &str) -> String {
        format!(
            r#"{{"number": 7, "merged_at": {merged_at}, "merge_commit_sha": {merge_commit},
                "head": {{"sha": "{HEAD}", "repo": null}},
                "base": {{"ref": "{branch}", "sha": "{MERGED}", "repo": {into}}}}}"#
        )
    }

    #[test]
    fn only_what_was_merged_into_this_branch_as_this_commit_counts() {
        let (at, this) = ("\"2026-11-01T00:00:00Z\"", format!("{MERGED:?}"));
        let own = r#"{"full_name": "Poby/Infra"}"#;
        let merged = found(&pull(at, &this, "main", own)).expect("the one");
        assert_eq!((merged.number, merged.head.as_str()), (7, HEAD));
        assert!(found(&pull(at, &this, "main", "null")).is_some(), "an old answer without the repository");
        for (why, other) in [
            ("open", pull("null", &this, "main", own)),
            ("another commit", pull(at, &format!("{HEAD:?}"), "main", own)),
            ("no commit", pull(at, "null", "main", own)),
            ("another branch", pull(at, &this, "release", own)),
            ("another repository", pull(at, &this, "main", r#"{"full_name": "somebody/infra"}"#)),
            ("nothing at all", "{}".to_owned()),
        ] {
            assert_eq!(found(&other), None, "{why}");
        }
    }

    #[test]
    fn a_head_that_is_no_commit_id_is_none() {
        let at = "\"2026-11-01T00:00:00Z\"";
        let odd = pull(at, &format!("{MERGED:?}"), "main", "null").replace(HEAD, "main; rm -rf /");
        assert_eq!(found(&odd), None);
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        read(br#"{"message": "hello"}"#).expect_err("no list");
        read(br#"[{"number": "seven"}]"#).expect_err("no number");
    }
}
