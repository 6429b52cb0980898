//! `pull-request` and `pull-request-simple`.

use serde_json::{Map, Value, json};

use super::repository::repository;
use super::{Place, node_id, user};
use crate::time;
use crate::world::Pull;

/// A pull request as a list has it.
pub(crate) fn pull_simple(place: &Place<'_>, pull: &Pull) -> Value {
    Value::Object(simple(place, pull))
}

/// A pull request as its own route has it.
pub(crate) fn pull(place: &Place<'_>, pull: &Pull) -> Value {
    let mut body = simple(place, pull);
    let merged = pull.merged.is_some();
    let more = json!({
        "merged": merged, "mergeable": if merged { Value::Null } else { json!(true) },
        "mergeable_state": if merged { "unknown" } else { "clean" },
        "merged_by": merged.then(|| user(place.origin, place.owner())),
        "comments": 0, "review_comments": 0, "maintainer_can_modify": false,
        "commits": pull.spec.commits.len() + 1, "additions": 1, "deletions": 1, "changed_files": 1
    });
    if let Value::Object(more) = more {
        body.extend(more);
    }
    Value::Object(body)
}

fn simple(place: &Place<'_>, pull: &Pull) -> Map<String, Value> {
    let spec = &pull.spec;
    let number = spec.number;
    let api = place.api(&format!("/pulls/{number}"));
    let issue = place.api(&format!("/issues/{number}"));
    let web = place.web(&format!("/pull/{number}"));
    let author = user(place.origin, place.owner());
    let updated = pull.merged.unwrap_or(pull.created);
    let body = json!({
        "id": pull.id, "node_id": node_id("PR", pull.id), "number": number, "url": api, "html_url": web,
        "diff_url": format!("{web}.diff"), "patch_url": format!("{web}.patch"), "issue_url": issue,
        "commits_url": format!("{api}/commits"), "review_comments_url": format!("{api}/comments"),
        "review_comment_url": place.api("/pulls/comments{/number}"), "comments_url": format!("{issue}/comments"),
        "statuses_url": place.api(&format!("/statuses/{}", spec.head_sha)),
        "state": if pull.merged.is_some() { "closed" } else { "open" }, "locked": false,
        "title": spec.title, "user": author, "body": null, "labels": [], "milestone": null,
        "active_lock_reason": null, "created_at": time::text(pull.created), "updated_at": time::text(updated),
        "closed_at": pull.merged.map(time::text), "merged_at": pull.merged.map(time::text),
        "merge_commit_sha": spec.merge_commit_sha, "assignee": null, "assignees": [],
        "requested_reviewers": [], "requested_teams": [],
        "head": side(place, &spec.head_ref, &spec.head_sha), "base": side(place, &spec.base_ref, &spec.base_sha),
        "_links": links(place, &api, &issue, &web, &spec.head_sha),
        "author_association": "OWNER", "auto_merge": null, "draft": false
    });
    let Value::Object(map) = body else { unreachable!("json! of a map is an object") };
    map
}

fn side(place: &Place<'_>, name: &str, sha: &str) -> Value {
    json!({
        "label": format!("{}:{name}", place.owner()), "ref": name, "sha": sha,
        "user": user(place.origin, place.owner()), "repo": repository(place)
    })
}

fn links(place: &Place<'_>, api: &str, issue: &str, web: &str, head: &str) -> Value {
    json!({
        "self": { "href": api }, "html": { "href": web }, "issue": { "href": issue },
        "comments": { "href": format!("{issue}/comments") },
        "review_comments": { "href": format!("{api}/comments") },
        "review_comment": { "href": place.api("/pulls/comments{/number}") },
        "commits": { "href": format!("{api}/commits") },
        "statuses": { "href": place.api(&format!("/statuses/{head}")) }
    })
}
