//! A world in one process: a host, a disk, a remote, a forge and clocks, around the real decisions of pull-agent's core.
//! Everything that happens follows from a seed, so that a failure can be replayed. This crate never reads a clock, a file
//! or a socket, and never sleeps.
//!
//! Reading order: [`world`] (what there is), [`driver`] (the contract of the agent's loop and its steps), [`faults`] (what
//! can go wrong), [`invariants`] (what must hold), [`scenario`] (what happens in a run), [`run`] (one run, and many). Beside it, [`fleet`]: many hosts and one forge.

mod answers;
mod deaths;
pub mod driver;
pub mod faults;
pub mod fleet;
pub mod invariants;
pub mod log;
pub mod rng;
pub mod run;
pub mod scenario;
pub mod scripts;
mod steps;
pub mod violation;
pub mod world;
