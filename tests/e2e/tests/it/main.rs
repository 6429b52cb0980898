//! The program as its users meet it: the real daemon, the real sockets, a host without Nix.

mod api;
mod config;
mod control;
mod credentials;
mod ctl;
mod events;
mod failures;
mod hostile_forge;
mod lifecycle;
mod listener;
mod metrics;
mod newest_green;
mod notify;
mod package;
mod pull_requests;
mod recipe;
mod remotes;
mod restart;
mod revisions;
mod signals;
mod state;
mod trust;
mod verdict_age;
mod versions;
