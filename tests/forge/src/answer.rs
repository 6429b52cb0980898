//! What is the same for every answer of GitHub's: who asks, the rate limit, conditional requests, header fields, and the
//! fault of the moment. Every request goes into the log.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

use crate::auth::{self, Caller};
use crate::fault::{self, Kind};
use crate::world::World;
use crate::{Shared, body, time};

/// Versions of the API that GitHub serves.
const API_VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];

/// An answer before it has its common fields, or the refusal.
pub(crate) type Answer<T = Good> = Result<T, Refusal>;

/// A right answer.
#[derive(Debug)]
pub(crate) struct Good {
    pub(crate) body: Value,
    pub(crate) link: Option<String>,
}

/// A refusal, with a body as GitHub writes it.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
    headers: Vec<(String, String)>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: &str) -> Self {
        Self { status, message: message.to_owned(), headers: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A request that came, as the log has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Counted from 1.
    pub number: u64,
    /// `GET` …
    pub method: String,
    /// With the query.
    pub path: String,
    /// The bearer token, as it was sent: tokens here are made for the test.
    pub token: Option<String>,
    /// `If-None-Match`.
    pub if_none_match: Option<String>,
    /// `Accept`.
    pub accept: Option<String>,
    /// `X-GitHub-Api-Version`.
    pub api_version: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// What was answered; 0 = nothing yet, or never.
    pub status: u16,
}

/// Answers one request of GitHub's routes; `route` finds the body.
pub(crate) async fn answer(
    shared: Shared,
    request: Parts,
    route: impl FnOnce(&World, &Caller) -> Answer,
) -> Response<Body> {
    let Parts { method, uri, headers, .. } = request;
    let target = uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
    let (number, fault) = {
        let mut world = shared.lock();
        let number = record(&mut world, &method, &target, &headers);
        (number, fault::take(&mut world.faults, &target))
    };
    let plain = |shared: &Shared| {
        let mut world = shared.lock();
        usual(&mut world, &target, &headers, route)
    };
    let answered = match fault {
        None => plain(&shared).into_response(),
        Some(kind) => faulty(kind, &shared, plain).await,
    };
    let mut world = shared.lock();
    if let Some(seen) = world.log.iter_mut().rev().find(|seen| seen.number == number) {
        seen.status = answered.status().as_u16();
    }
    answered
}

fn record(world: &mut World, method: &Method, target: &str, headers: &HeaderMap) -> u64 {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    world.requests += 1;
    if world.log.len() == World::LOG {
        world.log.pop_front();
    }
    world.log.push_back(Seen {
        number: world.requests,
        method: method.to_string(),
        path: target.to_owned(),
        token: auth::bearer(headers).map(str::to_owned),
        if_none_match: text("if-none-match"),
        accept: text("accept"),
        api_version: text("x-github-api-version"),
        user_agent: text("user-agent"),
        status: 0,
    });
    world.requests
}

/// An answer whose body is known whole.
struct Whole {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Whole {
    fn into_response(self) -> Response<Body> {
        let body = Body::from(self.body.clone());
        self.with_body(body)
    }

    fn with_body(self, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }

    fn set(&mut self, name: &str, value: &str) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            self.headers.insert(name, value);
        }
    }
}

/// What a healthy GitHub answers.
fn usual(
    world: &mut World,
    target: &str,
    headers: &HeaderMap,
    route: impl FnOnce(&World, &Caller) -> Answer,
) -> Whole {
    let free = target.starts_with("/rate_limit");
    let result = client_fields(headers)
        .and_then(|()| auth::caller(world, target, headers))
        .and_then(|caller| if free { Ok(caller) } else { within_limit(world).map(|()| caller) })
        .and_then(|caller| route(world, &caller));
    let mut whole = match result {
        Ok(good) => conditional(target, headers, &good),
        Err(refusal) => refused(&refusal),
    };
    if !free && whole.status != StatusCode::NOT_MODIFIED {
        world.limit.remaining = world.limit.remaining.saturating_sub(1);
    }
    common_fields(&mut whole, world);
    whole
}

/// GitHub refuses requests without `User-Agent` and with a version that it does not know.
fn client_fields(headers: &HeaderMap) -> Answer<()> {
    if !headers.contains_key(header::USER_AGENT) {
        let text = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
        return Err(Refusal::new(StatusCode::FORBIDDEN, text));
    }
    match headers.get("x-github-api-version") {
        Some(version) if API_VERSIONS.iter().all(|known| version != known) => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, "The API version is not supported"))
        }
        Some(_) | None => Ok(()),
    }
}

fn within_limit(world: &mut World) -> Answer<()> {
    let limit = &mut world.limit;
    if time::now() >= limit.reset {
        limit.remaining = limit.limit;
        limit.reset = time::now() + 3600;
    }
    if limit.remaining > 0 {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::FORBIDDEN, "API rate limit exceeded for installation ID 1."))
}

fn conditional(target: &str, headers: &HeaderMap, good: &Good) -> Whole {
    let body = good.body.to_string();
    let mut hasher = DefaultHasher::new();
    (auth::bearer(headers), target, &body).hash(&mut hasher);
    let etag = format!("W/\"{:016x}\"", hasher.finish());
    let same = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| *value == etag);
    let status = if same { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut whole = Whole { status, headers: HeaderMap::new(), body: Bytes::new() };
    whole.set("etag", &etag);
    whole.set("cache-control", "private, max-age=60, s-maxage=60");
    whole
        .set("vary", "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With");
    if let Some(link) = &good.link {
        whole.set("link", link);
    }
    // A 304 has no body, so it names no type of one.
    if !same {
        whole.body = Bytes::from(body);
        whole.set("content-type", "application/json; charset=utf-8");
    }
    whole
}

fn refused(refusal: &Refusal) -> Whole {
    let body = json!({
        "message": refusal.message,
        "documentation_url": "https://docs.github.com/rest",
        "status": refusal.status.as_str()
    });
    let mut whole =
        Whole { status: refusal.status, headers: HeaderMap::new(), body: Bytes::from(body.to_string()) };
    whole.set("content-type", "application/json; charset=utf-8");
    for (name, value) in &refusal.headers {
        whole.set(name, value);
    }
    whole
}

fn common_fields(whole: &mut Whole, world: &World) {
    let limit = world.limit;
    whole.set("date", &time::date(world.now()));
    whole.set("x-ratelimit-limit", &limit.limit.to_string());
    whole.set("x-ratelimit-remaining", &limit.remaining.to_string());
    whole.set("x-ratelimit-used", &limit.limit.saturating_sub(limit.remaining).to_string());
    whole.set("x-ratelimit-reset", &limit.reset.to_string());
    whole.set("x-ratelimit-resource", "core");
    whole.set("x-github-media-type", "github.v3; format=json");
    whole.set("x-github-request-id", &format!("STAN:D:{:X}", world.requests));
}

/// What GitHub, or what stands between, answers on a bad day.
async fn faulty(kind: Kind, shared: &Shared, plain: impl FnOnce(&Shared) -> Whole) -> Response<Body> {
    let refuse = |refusal: Refusal| {
        let mut whole = refused(&refusal);
        common_fields(&mut whole, &shared.lock());
        for (name, value) in &refusal.headers {
            whole.set(name, value);
        }
        whole
    };
    let code = |status: u16| StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match kind {
        Kind::Status { status, headers } => {
            let reason = code(status).canonical_reason().unwrap_or("Unknown");
            let refusal = Refusal { status: code(status), message: reason.to_owned(), headers };
            refuse(refusal).into_response()
        }
        Kind::Refusal { status, message, headers } => {
            refuse(Refusal { status: code(status), message, headers }).into_response()
        }
        Kind::Primary { status, reset_in } => {
            let refusal = Refusal::new(code(status), "API rate limit exceeded for installation ID 1.")
                .header("x-ratelimit-remaining", "0")
                .header("x-ratelimit-reset", &(time::now() + reset_in).to_string());
            refuse(refusal).into_response()
        }
        Kind::Secondary { status, retry_after } => {
            let text =
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
            refuse(Refusal::new(code(status), text).header("retry-after", &retry_after)).into_response()
        }
        Kind::Redirect { status, location } => {
            refuse(Refusal::new(code(status), "Moved").header("location", &location)).into_response()
        }
        Kind::Headers { headers } => {
            let mut whole = plain(shared);
            headers.iter().for_each(|(name, value)| whole.set(name, value));
            whole.into_response()
        }
        Kind::Slow { ms } => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            plain(shared).into_response()
        }
        Kind::Drip { ms } => {
            let whole = plain(shared);
            let body = body::drip(&whole.body, ms);
            whole.with_body(body)
        }
        Kind::Cut { after } => {
            let whole = plain(shared);
            let body = body::cut(&whole.body, after);
            whole.with_body(body)
        }
        Kind::HangBody => plain(shared).with_body(body::silent()),
        Kind::Hang => std::future::pending().await,
        Kind::Garbage { body } => {
            let mut whole = plain(shared);
            whole.status = StatusCode::OK;
            whole.with_body(Body::from(body))
        }
        Kind::Verbatim { status, headers, body } => {
            let mut whole =
                Whole { status: code(status), headers: HeaderMap::new(), body: Bytes::from(body) };
            headers.iter().for_each(|(name, value)| whole.set(name, value));
            whole.into_response()
        }
        Kind::Endless => plain(shared).with_body(body::endless()),
    }
}
