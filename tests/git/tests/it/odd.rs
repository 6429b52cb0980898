//! Commits that git reads and that are not as they should be.

use pull_agent_core::Ancestry;

use crate::bed::{Bed, told};

/// Makes a commit with the tree of another one, whatever git thinks of its author, and puts the branch on it.
fn odd_commit(bed: &Bed, on: &str, author: &str, committer: &str) -> String {
    let tree = bed.origin.git(&["rev-parse", &format!("{on}^{{tree}}")]);
    let text = format!("tree {tree}\nparent {on}\nauthor {author}\ncommitter {committer}\n\nodd\n");
    bed.origin.raw_commit(&text)
}

#[tokio::test]
async fn who_wrote_a_commit_and_when_may_be_anything() {
    let good = "Ada <ada@example.org> 1700000000 +0000";
    for (odd, shown) in [
        ("Ada", "?"),
        ("<> 1700000000 +0000", "?"),
        ("Ada <ada@example.org>", "Ada"),
        ("Ada <ada@example.org> yesterday", "Ada"),
        ("Ada <ada@example.org> 99999999999999999999999999 +0000", "Ada"),
        ("Ada <ada\n@example.org> 1700000000 +0000", "Ada"),
    ] {
        let bed = Bed::new();
        bed.origin.commits(3);
        let deployed = bed.origin.head();
        bed.ancestry(&deployed, None).await;
        let below = odd_commit(&bed, &deployed, odd, good);
        let tip = odd_commit(&bed, &below, odd, odd);
        let fetched = bed.fetch(&tip, Some(&deployed)).await;
        let fetched = fetched.unwrap_or_else(|error| panic!("{odd:?}: {}", told(&error)));
        assert_eq!(fetched.ancestry, Ancestry::Descendant, "{odd:?}");
        assert_eq!((fetched.subject.as_str(), fetched.author.as_str()), ("odd", shown), "{odd:?}");
        // And an ordinary one on top of it, and the odd one when it is what was deployed.
        let next = bed.origin.commit("a", "b", "on top");
        for base in [&deployed, &below, &tip] {
            let fetched = bed.fetch(&next, Some(base)).await;
            let fetched = fetched.unwrap_or_else(|error| panic!("{odd:?}: {}", told(&error)));
            assert_eq!(fetched.ancestry, Ancestry::Descendant, "{odd:?}");
        }
    }
}

#[tokio::test]
async fn a_clone_whose_head_is_spoilt_is_made_anew() {
    for head in ["", "garbage", "ref: refs/heads/\n", "\0\0\0\0"] {
        let bed = Bed::new();
        let first = bed.origin.head();
        bed.ancestry(&first, None).await;
        std::fs::write(bed.git_dir().join("HEAD"), head).expect("the clone is there");
        let second = bed.origin.commit("a", "b", "second");
        assert_eq!(bed.ancestry(&second, Some(&first)).await, Ancestry::Descendant, "{head:?}");
    }
}
