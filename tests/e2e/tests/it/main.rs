//! The program as its users meet it: the real daemon, the real sockets, a host without Nix.

mod failures;
mod lifecycle;
