//! The program as its users meet it: the real daemon, the real sockets, a host without Nix.

mod api;
mod control;
mod events;
mod failures;
mod lifecycle;
mod metrics;
mod notify;
mod restart;
mod revisions;
mod signals;
mod state;
