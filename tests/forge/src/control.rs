//! The routes of the test, apart from GitHub's: they set the memory and the faults, and read the log of requests.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Shared;
use crate::world::World;

/// Everything below `/_control`.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/world", put(one_or_many(World::load)))
        .route("/repositories", put(one_or_many(World::put_repository)))
        .route("/tokens", put(one_or_many(World::put_token)))
        .route("/commits", put(one_or_many(World::put_commit)))
        .route("/checks", put(one_or_many(|world, spec| _ = world.put_check(&spec))).delete(remove_checks))
        .route("/pulls", put(one_or_many(World::put_pull)))
        .route("/rate-limit", put(one_or_many(World::put_rate_limit)))
        .route("/faults", put(one_or_many(|world, fault| world.faults.push(fault))).delete(clear_faults))
        .route("/requests", get(requests).delete(clear_requests))
        .with_state(shared)
}

type Reply = (StatusCode, Json<Value>);

/// A handler that takes one thing or a list of them, as JSON, whatever its `Content-Type`: `curl -d` then needs no more.
fn one_or_many<T, F>(
    put: F,
) -> impl Fn(State<Shared>, String) -> std::future::Ready<Reply> + Clone + Send + Sync + 'static
where
    T: DeserializeOwned,
    F: Fn(&mut World, T) + Clone + Send + Sync + 'static,
{
    move |State(shared), body| {
        let list = body.trim_start().starts_with('[');
        let parsed = if list {
            serde_json::from_str::<Vec<T>>(&body)
        } else {
            serde_json::from_str::<T>(&body).map(|one| vec![one])
        };
        std::future::ready(match parsed {
            Ok(things) => {
                let count = things.len();
                let mut world = shared.lock();
                things.into_iter().for_each(|thing| put(&mut world, thing));
                (StatusCode::OK, Json(json!({ "set": count })))
            }
            Err(error) => (StatusCode::BAD_REQUEST, Json(json!({ "error": error.to_string() }))),
        })
    }
}

#[derive(Debug, Deserialize)]
struct Which {
    repository: String,
    revision: String,
    name: Option<String>,
}

async fn remove_checks(State(shared): State<Shared>, Query(which): Query<Which>) -> Reply {
    let removed = shared.lock().remove_checks(&which.repository, &which.revision, which.name.as_deref());
    (StatusCode::OK, Json(json!({ "removed": removed })))
}

async fn clear_faults(State(shared): State<Shared>) -> Reply {
    shared.lock().faults.clear();
    (StatusCode::OK, Json(json!({})))
}

async fn requests(State(shared): State<Shared>) -> Reply {
    let world = shared.lock();
    (StatusCode::OK, Json(json!({ "total": world.requests, "requests": world.log })))
}

async fn clear_requests(State(shared): State<Shared>) -> Reply {
    let mut world = shared.lock();
    world.log.clear();
    world.requests = 0;
    (StatusCode::OK, Json(json!({})))
}
