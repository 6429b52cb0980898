//! What is there for the tailnet. Everything else does not exist, for whoever asks.

use hyper::Method;

/// Longest id or revision in a path; a SHA-256 in hex has 64.
const LONGEST_NAME: usize = 64;

/// A request that is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Answered at once.
    Read,
    /// The log of a deployment, which may be followed.
    Log,
    /// `GET /v1/events`: open until somebody closes it.
    Events,
    /// `GET /v1/revisions/{sha}`: answered within its `wait`.
    Revision,
    /// `POST /v1/nudge`
    Nudge,
}

/// Finds the route of a request. The path must be written plainly: with an escape, an empty or a dot segment it is none.
pub(super) fn find(method: &Method, path: &str) -> Option<Route> {
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    if method == Method::POST {
        return (segments == ["v1", "nudge"]).then_some(Route::Nudge);
    }
    if method != Method::GET {
        return None;
    }
    match segments.as_slice() {
        ["metrics"] | ["v1", "status" | "deployments"] => Some(Route::Read),
        ["v1", "events"] => Some(Route::Events),
        ["v1", "deployments", id] if is_name(id) => Some(Route::Read),
        ["v1", "deployments", id, "log"] if is_name(id) => Some(Route::Log),
        ["v1", "revisions", sha] if is_name(sha) => Some(Route::Revision),
        _ => None,
    }
}

fn is_name(segment: &str) -> bool {
    (1..=LONGEST_NAME).contains(&segment.len()) && segment.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
