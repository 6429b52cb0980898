//! `pull-agent listen` against a tailscaled and a daemon of our own, over real sockets.

mod callers;
mod daemon;
mod lab;
mod limits;
mod origins;
mod passing;
mod privileges;
mod rate;
mod routes;
mod tailscaled;
