//! Who asks, and whether they may: 401, 403 and 404 as GitHub answers them.

use axum::http::{HeaderMap, StatusCode, header};

use crate::answer::{Answer, Refusal};
use crate::spec::{TokenKind, TokenSpec};
use crate::world::World;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// Without a token.
    Nobody,
    /// With any token, in a world that has none of its own.
    Anybody,
    /// With one of the world's tokens.
    Known(TokenSpec),
}

/// Returns the bearer token of a request (`token` is the older word for the same).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("token "))
}

/// Finds out who asks.
pub(crate) fn caller(world: &World, target: &str, headers: &HeaderMap) -> Answer<Caller> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return Ok(Caller::Nobody);
    }
    let bad = || Refusal::new(StatusCode::UNAUTHORIZED, "Bad credentials");
    // The word of an App is judged where it is used.
    if target.starts_with("/app/") {
        return Ok(Caller::Nobody);
    }
    let token = bearer(headers).ok_or_else(bad)?;
    if world.tokens.is_empty() {
        return Ok(Caller::Anybody);
    }
    world.tokens.get(token).filter(|t| !t.expired).cloned().map(Caller::Known).ok_or_else(bad)
}

/// Whether the caller may read this of a repository.
pub(crate) fn may_read(caller: &Caller, repository: &str, private: bool, permission: &str) -> Answer<()> {
    // What is public needs no permission.
    if !private {
        return Ok(());
    }
    let not_found = || Refusal::new(StatusCode::NOT_FOUND, "Not Found");
    let token = match caller {
        Caller::Nobody => return Err(not_found()),
        Caller::Anybody => return Ok(()),
        Caller::Known(token) => token,
    };
    if token.repositories.as_ref().is_some_and(|all| all.iter().all(|r| r != repository)) {
        return Err(not_found());
    }
    let listed = token.permissions.as_ref().is_none_or(|all| all.iter().any(|p| p == permission));
    let (has, who) = match token.kind {
        TokenKind::Classic => (true, "personal access token"),
        // "Checks" is not in the list of what such a token can have.
        TokenKind::FineGrained => (listed && permission != "checks", "personal access token"),
        TokenKind::App => (listed, "integration"),
    };
    if has {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::FORBIDDEN, &format!("Resource not accessible by {who}"))
        .header("x-accepted-github-permissions", &format!("{permission}=read")))
}
