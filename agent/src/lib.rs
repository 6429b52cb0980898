//! pull-agent: the drivers around the pure core, and the loop that owns the state. This crate never decides what is
//! deployed; that is `pull_agent_core`. The daemon never opens a network port and never parses human output where a
//! machine format exists.

pub mod api;
pub mod channels;
pub mod checks;
pub mod clock;
pub mod daemon;
mod durable;
pub mod error;
mod forge;
pub mod git;
pub mod health;
pub mod host;
#[cfg(test)]
mod lab;
pub mod listen;
mod lock;
pub mod logging;
mod loopback;
pub mod process;
pub mod rebuild;
mod secret;
pub mod settings;
mod signals;
pub mod store;
mod summary;
pub mod systemd;
pub mod tls;
mod view;

pub use pull_agent_text as text;
