//! GitHub's routes.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, Uri};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Good, Refusal, answer};
use crate::auth::{Caller, may_read};
use crate::render::{self, Place};
use crate::spec::CommitSpec;
use crate::world::{Repository, World};
use crate::{Shared, app, control};

/// All routes: GitHub's, and those of the test.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/repos/{owner}/{name}/commits/{*rest}", get(commits))
        .route("/repos/{owner}/{name}/git/ref/{*name_of_ref}", get(git_ref))
        .route("/repos/{owner}/{name}/pulls/{number}", get(pulls))
        .route("/repos/{owner}/{name}/actions/{*rest}", get(actions))
        .route("/repositories/{id}/actions/{*rest}", get(actions_by_id))
        .route("/repositories/{id}/commits/{*rest}", get(commits_by_id))
        .route("/app/installations/{id}/access_tokens", post(app::access_tokens))
        .route("/rate_limit", get(rate_limit))
        .fallback(unknown)
        .with_state(shared.clone())
        .nest("/_control", control::router(shared))
}

/// What a list may be narrowed by.
#[derive(Clone, Debug, Default, Deserialize)]
struct Narrow {
    check_name: Option<String>,
    status: Option<String>,
    filter: Option<String>,
    app_id: Option<u64>,
    per_page: Option<usize>,
    page: Option<usize>,
    head_sha: Option<String>,
    check_suite_id: Option<u64>,
}

async fn commits(
    State(shared): State<Shared>,
    Path((owner, name, rest)): Path<(String, String, String)>,
    Query(narrow): Query<Narrow>,
    request: Parts,
) -> Response<Body> {
    let target = request.uri.clone();
    let route = move |world: &World, caller: &Caller| {
        let repository = world.repository(&format!("{owner}/{name}"));
        below_commits(world, repository, caller, &rest, &narrow, &target)
    };
    answer(shared, request, route).await
}

async fn commits_by_id(
    State(shared): State<Shared>,
    Path((id, rest)): Path<(u64, String)>,
    Query(narrow): Query<Narrow>,
    request: Parts,
) -> Response<Body> {
    let target = request.uri.clone();
    let route = move |world: &World, caller: &Caller| {
        below_commits(world, world.repository_by_id(id), caller, &rest, &narrow, &target)
    };
    answer(shared, request, route).await
}

async fn actions(
    State(shared): State<Shared>,
    Path((owner, name, rest)): Path<(String, String, String)>,
    Query(narrow): Query<Narrow>,
    request: Parts,
) -> Response<Body> {
    let target = request.uri.clone();
    let route = move |world: &World, caller: &Caller| {
        let repository = world.repository(&format!("{owner}/{name}"));
        below_actions(world, repository, caller, &rest, &narrow, &target)
    };
    answer(shared, request, route).await
}

async fn actions_by_id(
    State(shared): State<Shared>,
    Path((id, rest)): Path<(u64, String)>,
    Query(narrow): Query<Narrow>,
    request: Parts,
) -> Response<Body> {
    let target = request.uri.clone();
    let route = move |world: &World, caller: &Caller| {
        below_actions(world, world.repository_by_id(id), caller, &rest, &narrow, &target)
    };
    answer(shared, request, route).await
}

async fn git_ref(
    State(shared): State<Shared>,
    Path((owner, name, name_of_ref)): Path<(String, String, String)>,
    request: Parts,
) -> Response<Body> {
    let route = move |world: &World, caller: &Caller| {
        let repository = found(world.repository(&format!("{owner}/{name}")))?;
        may_read(caller, &repository.spec.repository, repository.spec.private, "contents")?;
        let revision = found(repository.refs.get(&name_of_ref))?;
        Ok(Good { body: render::git_ref(&place(world, repository), &name_of_ref, revision), link: None })
    };
    answer(shared, request, route).await
}

async fn pulls(
    State(shared): State<Shared>,
    Path((owner, name, number)): Path<(String, String, u64)>,
    request: Parts,
) -> Response<Body> {
    let route = move |world: &World, caller: &Caller| {
        let repository = found(world.repository(&format!("{owner}/{name}")))?;
        may_read(caller, &repository.spec.repository, repository.spec.private, "pull_requests")?;
        let pull = found(repository.pulls.get(&number))?;
        Ok(Good { body: render::pull(&place(world, repository), pull), link: None })
    };
    answer(shared, request, route).await
}

async fn rate_limit(State(shared): State<Shared>, request: Parts) -> Response<Body> {
    let route = |world: &World, _: &Caller| {
        let l = world.limit;
        let used = l.limit.saturating_sub(l.remaining);
        let core = json!({ "limit": l.limit, "remaining": l.remaining, "reset": l.reset, "used": used });
        let search = json!({ "limit": 30, "remaining": 30, "reset": l.reset, "used": 0 });
        Ok(Good {
            body: json!({ "resources": { "core": core, "search": search }, "rate": core }),
            link: None,
        })
    };
    answer(shared, request, route).await
}

async fn unknown(State(shared): State<Shared>, request: Parts) -> Response<Body> {
    answer(shared, request, |_, _| found(None)).await
}

/// `…/commits/{ref}`, `…/commits/{ref}/check-runs`, `…/commits/{sha}/pulls`; a ref may hold slashes.
fn below_commits(
    world: &World,
    repository: Option<&Repository>,
    caller: &Caller,
    rest: &str,
    narrow: &Narrow,
    target: &Uri,
) -> Answer {
    let repository = found(repository)?;
    let place = place(world, repository);
    let may = |permission: &str| may_read(caller, place.repository, place.private, permission);
    if let Some(name) = rest.strip_suffix("/check-runs") {
        may("checks")?;
        let revision = commit_named(repository, name)?;
        return Ok(check_runs(&place, repository, &revision, narrow, target));
    }
    if let Some(name) = rest.strip_suffix("/pulls") {
        may("pull_requests")?;
        let revision = commit_named(repository, name)?;
        let pulls = repository.pulls_of(&revision);
        let all = pulls.into_iter().map(|p| render::pull_simple(&place, p)).collect();
        let (page, link) = paged(&place, all, narrow, target);
        return Ok(Good { body: Value::Array(page), link });
    }
    may("contents")?;
    let revision = commit_named(repository, rest)?;
    let unset = CommitSpec { revision: revision.clone(), ..CommitSpec::default() };
    let spec = repository.commits.get(&revision).unwrap_or(&unset);
    Ok(Good { body: render::commit(&place, spec), link: None })
}

/// `…/actions/runs`, `…/actions/runs/{id}/jobs`.
fn below_actions(
    world: &World,
    repository: Option<&Repository>,
    caller: &Caller,
    rest: &str,
    narrow: &Narrow,
    target: &Uri,
) -> Answer {
    let repository = found(repository)?;
    let place = place(world, repository);
    may_read(caller, place.repository, place.private, "actions")?;
    let runs = repository.workflow_runs();
    if rest == "runs" {
        let all = runs
            .iter()
            .filter(|run| narrow.head_sha.as_ref().is_none_or(|sha| *sha == run.revision))
            .filter(|run| narrow.check_suite_id.is_none_or(|suite| suite == run.suite))
            .map(|run| render::workflow_run(&place, run))
            .collect();
        return Ok(counted("workflow_runs", &place, all, narrow, target));
    }
    let id = rest.strip_prefix("runs/").and_then(|rest| rest.strip_suffix("/jobs"));
    let run = found(runs.iter().find(|run| id.is_some_and(|id| id == run.id.to_string())))?;
    let latest = narrow.filter.as_deref() != Some("all");
    let all = repository.jobs(run, latest).into_iter().map(|job| render::job(&place, job)).collect();
    Ok(counted("jobs", &place, all, narrow, target))
}

fn check_runs(
    place: &Place<'_>,
    repository: &Repository,
    revision: &str,
    narrow: &Narrow,
    target: &Uri,
) -> Good {
    let latest = narrow.filter.as_deref() != Some("all");
    let all: Vec<Value> = repository
        .check_runs(revision, latest)
        .into_iter()
        .filter(|c| narrow.check_name.as_ref().is_none_or(|name| *name == c.name))
        .filter(|c| narrow.status.as_ref().is_none_or(|status| *status == c.status))
        .filter(|c| narrow.app_id.is_none_or(|app| app == c.app))
        .map(|c| render::check_run(place, c))
        .collect();
    counted("check_runs", place, all, narrow, target)
}

/// One page of a list that says how long it is.
fn counted(name: &str, place: &Place<'_>, all: Vec<Value>, narrow: &Narrow, target: &Uri) -> Good {
    let total = all.len();
    let (page, link) = paged(place, all, narrow, target);
    Good { body: json!({ "total_count": total, name: page }), link }
}

/// Cuts one page out and writes `Link`, whose targets name the repository by its number.
fn paged(place: &Place<'_>, all: Vec<Value>, narrow: &Narrow, target: &Uri) -> (Vec<Value>, Option<String>) {
    let size = narrow.per_page.unwrap_or(30).clamp(1, 100);
    let page = narrow.page.unwrap_or(1).max(1);
    let last = all.len().div_ceil(size).max(1);
    let cut = all.into_iter().skip((page - 1) * size).take(size).collect();
    let own = format!("/repos/{}/", place.repository);
    let by_number = format!("/repositories/{}/", place.id);
    let path = target.path().replacen(&own, &by_number, 1);
    let query = target.query().unwrap_or_default();
    let kept: Vec<&str> = query.split('&').filter(|q| !q.is_empty() && !q.starts_with("page=")).collect();
    let link = |to: usize, rel: &str| {
        let mut query = kept.clone();
        let number = format!("page={to}");
        query.push(&number);
        format!("<{}{path}?{}>; rel=\"{rel}\"", place.origin, query.join("&"))
    };
    let mut links = Vec::new();
    if page > 1 {
        links.push(link(page - 1, "prev"));
    }
    if page < last {
        links.push(link(page + 1, "next"));
        links.push(link(last, "last"));
    }
    if page > 1 {
        links.push(link(1, "first"));
    }
    (cut, (!links.is_empty()).then(|| links.join(", ")))
}

fn place<'a>(world: &'a World, repository: &'a Repository) -> Place<'a> {
    Place {
        origin: &world.origin,
        repository: &repository.spec.repository,
        id: repository.id,
        private: repository.spec.private,
    }
}

fn commit_named(repository: &Repository, name: &str) -> Answer<String> {
    repository.resolve(name).ok_or_else(|| {
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, &format!("No commit found for SHA: {name}"))
    })
}

fn found<T>(thing: Option<T>) -> Answer<T> {
    thing.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "Not Found"))
}
