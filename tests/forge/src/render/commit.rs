//! `commit`.

use serde_json::{Value, json};

use super::{LONG_AGO, Place, user};
use crate::spec::CommitSpec;

/// `git-ref`.
pub(crate) fn git_ref(place: &Place<'_>, name: &str, revision: &str) -> Value {
    json!({
        "ref": format!("refs/{name}"), "node_id": format!("REF_{name}"), "url": place.api(&format!("/git/refs/{name}")),
        "object": { "type": "commit", "sha": revision, "url": place.api(&format!("/git/commits/{revision}")) }
    })
}

/// A commit. Without a tree of its own it gets one made from its id.
pub(crate) fn commit(place: &Place<'_>, spec: &CommitSpec) -> Value {
    let sha = &spec.revision;
    let tree = tree(spec);
    let person = json!({ "name": "poby", "email": "poby@example.com", "date": LONG_AGO });
    let parents: Vec<Value> = spec
        .parents
        .iter()
        .map(|p| {
            json!({ "sha": p, "url": place.api(&format!("/commits/{p}")),
                    "html_url": place.web(&format!("/commit/{p}")) })
        })
        .collect();
    json!({
        "sha": sha, "node_id": format!("C_{sha}"), "url": place.api(&format!("/commits/{sha}")),
        "html_url": place.web(&format!("/commit/{sha}")),
        "comments_url": place.api(&format!("/commits/{sha}/comments")),
        "commit": {
            "url": place.api(&format!("/git/commits/{sha}")), "author": person, "committer": person,
            "message": spec.message, "comment_count": 0,
            "tree": { "sha": tree, "url": place.api(&format!("/git/trees/{tree}")) },
            "verification": {
                "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null
            }
        },
        "author": user(place.origin, place.owner()), "committer": user(place.origin, place.owner()),
        "parents": parents,
        "stats": { "additions": 0, "deletions": 0, "total": 0 },
        "files": []
    })
}

fn tree(spec: &CommitSpec) -> String {
    if spec.tree.is_empty() { spec.revision.chars().rev().collect() } else { spec.tree.clone() }
}
