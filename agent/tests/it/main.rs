//! Tests of the agent's parts against real sockets, files and processes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod listen;
