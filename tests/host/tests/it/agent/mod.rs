//! The whole path on a real host: commits are pushed to a real git server, the forge's stand-in says what CI thinks of
//! them, and the agent, a service of real systemd, builds with real Nix and switches by itself.

mod fleet;
mod follows;
mod survives;
