//! `repository`, as it stands inside of pull requests.

use serde_json::{Map, Value, json};

use super::{LONG_AGO, Place, node_id, user};

/// Links of a repository that are its API path and this.
const LINKS: [(&str, &str); 38] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
    ("url", ""),
    ("pages_url", "/pages"),
];

pub(crate) fn repository(place: &Place<'_>) -> Value {
    let mut body = own_fields(place);
    body.extend(LINKS.iter().map(|(name, path)| ((*name).to_owned(), json!(place.api(path)))));
    Value::Object(body)
}

fn own_fields(place: &Place<'_>) -> Map<String, Value> {
    let body = json!({
        "id": place.id, "node_id": node_id("R", place.id), "name": place.name(), "full_name": place.repository,
        "license": null, "owner": user(place.origin, place.owner()), "private": place.private,
        "html_url": place.web(""), "description": null, "fork": false,
        "git_url": format!("git://github.com/{}.git", place.repository),
        "ssh_url": format!("git@github.com:{}.git", place.repository),
        "clone_url": place.web(".git"), "svn_url": place.web(""), "mirror_url": null, "homepage": null,
        "language": "Nix", "forks": 0, "forks_count": 0, "stargazers_count": 0, "watchers": 0,
        "watchers_count": 0, "size": 1, "default_branch": "main", "open_issues": 0, "open_issues_count": 0,
        "has_issues": true, "has_projects": false, "has_wiki": false, "has_pages": false, "has_downloads": false,
        "archived": false, "disabled": false, "visibility": if place.private { "private" } else { "public" },
        "pushed_at": LONG_AGO, "created_at": LONG_AGO, "updated_at": LONG_AGO
    });
    let Value::Object(map) = body else { unreachable!("json! of a map is an object") };
    map
}
