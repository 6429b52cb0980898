//! Tests of the agent's programs and parts from outside, in one binary: real sockets, files and processes. Every test has
//! its own directory and its own sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod listen;
mod rebuild;
