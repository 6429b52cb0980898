//! Forges: how they are asked over HTTP, and what each kind of them makes of it. Knows nothing of when to ask.

pub(crate) mod github;
pub(crate) mod http;
