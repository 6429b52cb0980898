//! Whether a commit has the tree that was tested on a pull request, for every way in which one is merged, with real commits on
//! real servers.

use pull_agent::git::prove;

use crate::bed::{Bed, assert_contains, program, revision, told};

/// A branch that was deployed, and a pull request of two commits on top of it.
struct Forge {
    bed: Bed,
    /// What the branch is before the merge.
    previous: String,
    /// Commits of the pull request, oldest first; the last is its head.
    commits: Vec<String>,
}

impl Forge {
    async fn new() -> Self {
        let bed = Bed::new();
        bed.origin.commits(5);
        let previous = bed.origin.head();
        bed.ancestry(&previous, None).await;
        let mut forge = Self { bed, previous, commits: Vec::new() };
        forge.git(&["switch", "--quiet", "--create", "feature"]);
        forge.push("one");
        forge.push("two");
        forge
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.bed.origin.git(arguments)
    }

    /// One more commit of the pull request.
    fn push(&mut self, name: &str) {
        let commit = self.bed.origin.commit(name, name, name);
        self.git(&["update-ref", "refs/pull/7/head", &commit]);
        self.commits.push(commit);
    }

    fn head(&self) -> &str {
        self.commits.last().expect("a pull request has commits")
    }

    /// Somebody else's commit on the branch.
    fn moves_on(&mut self) {
        self.git(&["switch", "--quiet", "main"]);
        self.previous = self.bed.origin.commit("other", "other", "by somebody else");
    }

    fn merge(&self) -> String {
        self.git(&["switch", "--quiet", "main"]);
        self.git(&["merge", "--quiet", "--no-ff", "--no-edit", "feature"]);
        self.done()
    }

    fn squash(&self) -> String {
        self.git(&["switch", "--quiet", "main"]);
        self.git(&["merge", "--quiet", "--squash", "feature"]);
        self.git(&["commit", "--quiet", "--message", "feature (#7)"]);
        self.done()
    }

    /// As GitHub does: new commits, whatever they were before.
    fn rebase(&self) -> String {
        self.git(&["switch", "--quiet", "main"]);
        for commit in &self.commits {
            self.bed.origin.rewrite(commit);
        }
        self.done()
    }

    /// The branch of the pull request goes with the merge, its commits stay.
    fn done(&self) -> String {
        self.git(&["branch", "--quiet", "--delete", "--force", "feature"]);
        self.bed.origin.head()
    }

    /// Why it is not proven that this commit, which the host fetches first, has the tree that was tested.
    async fn unproven(&self, merged: &str, deployed: Option<&str>) -> Option<String> {
        self.bed.ancestry(merged, deployed).await;
        self.ask(merged, self.head(), Some(&self.previous)).await
    }

    async fn ask(&self, merged: &str, head: &str, base: Option<&str>) -> Option<String> {
        let (source, repository) = (&self.bed.source, self.bed.repository());
        let base = base.map(revision);
        let before = self.bed.shallow();
        let proof =
            prove(program(), source, &repository, &revision(merged), &revision(head), base.as_ref()).await;
        self.bed.assert_readable(merged);
        assert_eq!(self.bed.shallow(), before, "the clone stays as it is");
        proof.unwrap_or_else(|error| panic!("{}", told(&error)))
    }
}

#[tokio::test]
async fn an_up_to_date_branch_is_proven_by_whichever_button() {
    for button in [Forge::merge, Forge::squash, Forge::rebase] {
        let forge = Forge::new().await;
        let deployed = forge.previous.clone();
        let merged = button(&forge);
        assert_eq!(forge.unproven(&merged, Some(&deployed)).await, None);
    }
}

#[tokio::test]
async fn so_it_is_before_anything_was_deployed() {
    for button in [Forge::merge, Forge::squash, Forge::rebase] {
        let forge = Forge::new().await;
        let merged = button(&forge);
        // The clone has this one commit alone.
        assert_eq!(forge.unproven(&merged, None).await, None);
    }
}

#[tokio::test]
async fn a_server_that_leaves_files_out_is_as_good() {
    let forge = Forge::new().await;
    forge.git(&["config", "uploadpack.allowFilter", "true"]);
    let merged = forge.rebase();
    assert_eq!(forge.unproven(&merged, None).await, None);
}

#[tokio::test]
async fn a_branch_that_was_brought_up_to_date_by_a_merge_is_proven() {
    for button in [Forge::merge, Forge::squash] {
        let mut forge = Forge::new().await;
        let deployed = forge.previous.clone();
        forge.moves_on();
        forge.git(&["switch", "--quiet", "feature"]);
        forge.git(&["merge", "--quiet", "--no-edit", "main"]);
        let head = forge.bed.origin.head();
        forge.commits.push(head);
        let merged = button(&forge);
        assert_eq!(forge.unproven(&merged, Some(&deployed)).await, None);
    }
}

#[tokio::test]
async fn one_commit_that_is_rebased_is_proven() {
    let bed = Bed::new();
    let previous = bed.origin.head();
    bed.ancestry(&previous, None).await;
    bed.origin.git(&["switch", "--quiet", "--create", "feature"]);
    let mut forge = Forge { bed, previous: previous.clone(), commits: Vec::new() };
    forge.push("only");
    let merged = forge.rebase();
    assert_eq!(forge.unproven(&merged, Some(&previous)).await, None);
}

#[tokio::test]
async fn a_base_that_moved_is_not_proven() {
    for button in [Forge::merge, Forge::squash, Forge::rebase] {
        let mut forge = Forge::new().await;
        let deployed = forge.previous.clone();
        forge.moves_on();
        let merged = button(&forge);
        let why = forge.unproven(&merged, Some(&deployed)).await.expect("no proof");
        assert_contains(&why, "the branch had moved on");
    }
}

#[tokio::test]
async fn the_same_tree_on_a_base_that_was_not_tested_is_not_proven() {
    // The branch had something and took it back: the test ran with it, the tree of the merge is without it.
    for button in [Forge::merge, Forge::squash, Forge::rebase] {
        let mut forge = Forge::new().await;
        let deployed = forge.previous.clone();
        forge.moves_on();
        forge.git(&["revert", "--no-edit", "HEAD"]);
        forge.previous = forge.bed.origin.head();
        let merged = button(&forge);
        let why = forge.unproven(&merged, Some(&deployed)).await.expect("no proof");
        assert_contains(&why, &format!("not up to date with {}", first_parent(&forge, &merged)));
    }
}

fn first_parent(forge: &Forge, commit: &str) -> String {
    forge.git(&["rev-parse", &format!("{commit}~1")])
}

#[tokio::test]
async fn as_many_commits_as_the_pull_request_has_are_not_its_commits() {
    // The branch had something and took it back; that and a squash are as many commits as a rebase would have written.
    let mut forge = Forge::new().await;
    let deployed = forge.previous.clone();
    forge.push("three");
    forge.moves_on();
    forge.git(&["revert", "--no-edit", "HEAD"]);
    let merged = forge.squash();
    forge.bed.ancestry(&merged, Some(&deployed)).await;
    // What the forge says of the branch before: where the pull request began, or nothing.
    for base in [Some(deployed.as_str()), None] {
        let why = forge.ask(&merged, forge.head(), base).await.expect("no proof");
        assert_contains(&why, "not up to date");
    }
}

#[tokio::test]
async fn a_squash_beside_a_commit_that_changes_nothing_is_no_rebase() {
    let forge = Forge::new().await;
    let deployed = forge.previous.clone();
    forge.git(&["switch", "--quiet", "main"]);
    forge.git(&["commit", "--quiet", "--allow-empty", "--message", "by a bot [skip ci]"]);
    let merged = forge.squash();
    forge.bed.ancestry(&merged, Some(&deployed)).await;
    let why = forge.ask(&merged, forge.head(), None).await.expect("no proof");
    assert_contains(&why, "not up to date");
}

#[tokio::test]
async fn a_rebase_of_which_a_part_was_there_already_is_not_proven() {
    let mut forge = Forge::new().await;
    let deployed = forge.previous.clone();
    // Somebody picked the first commit before.
    forge.git(&["switch", "--quiet", "main"]);
    forge.bed.origin.rewrite(&forge.commits[0]);
    forge.previous = forge.bed.origin.head();
    forge.bed.origin.rewrite(&forge.commits[1]);
    let merged = forge.done();
    let why = forge.unproven(&merged, Some(&deployed)).await.expect("no proof");
    assert_contains(&why, "not up to date");
    // Were it not for what the forge says of the branch before, the commits alone would not tell.
    assert_eq!(forge.ask(&merged, forge.head(), None).await, None);
}

#[tokio::test]
async fn more_commits_than_the_pull_request_has_are_not_proven() {
    let forge = Forge::new().await;
    let deployed = forge.previous.clone();
    let merged = forge.rebase();
    // The head is said to be an earlier one, with the tree of a later.
    let tree = forge.git(&["rev-parse", &format!("{merged}^{{tree}}")]);
    let forged = forge.git(&["commit-tree", &tree, "-p", &deployed, "-m", "forged"]);
    forge.git(&["update-ref", "refs/pull/8/head", &forged]);
    forge.bed.ancestry(&merged, Some(&deployed)).await;
    let why = forge.ask(&merged, &forged, None).await.expect("no proof");
    assert_contains(&why, "not up to date");
}

#[tokio::test]
async fn a_pull_request_from_a_fork_is_found_by_its_head() {
    let forge = Forge::new().await;
    let deployed = forge.previous.clone();
    // On GitHub the commits of a fork are known by refs/pull/7/head alone.
    let merged = forge.squash();
    let refs = forge.git(&["for-each-ref", "--format=%(refname)"]);
    assert_eq!(refs.lines().collect::<Vec<_>>(), ["refs/heads/main", "refs/pull/7/head"]);
    assert_eq!(forge.unproven(&merged, Some(&deployed)).await, None);
}

#[tokio::test]
async fn a_head_that_the_remote_does_not_have_is_an_error_and_leaves_nothing_behind() {
    let forge = Forge::new().await;
    let merged = forge.squash();
    forge.bed.ancestry(&merged, None).await;
    let (source, repository) = (&forge.bed.source, forge.bed.repository());
    let gone = revision(&"1".repeat(40));
    let error = prove(program(), source, &repository, &revision(&merged), &gone, None).await;
    assert_contains(&told(&error.expect_err("no such commit")), "not our ref");
    forge.bed.assert_nothing_left_over();
}

#[tokio::test]
async fn what_was_never_fetched_is_not_proven() {
    let forge = Forge::new().await;
    let merged = forge.squash();
    let why = forge.ask_of_the_old_clone(&merged).await;
    assert_contains(&why, "not in the clone");
}

impl Forge {
    async fn ask_of_the_old_clone(&self, merged: &str) -> String {
        let (source, repository) = (&self.bed.source, self.bed.repository());
        let proof =
            prove(program(), source, &repository, &revision(merged), &revision(self.head()), None).await;
        proof.unwrap_or_else(|error| panic!("{}", told(&error))).expect("no proof")
    }
}
