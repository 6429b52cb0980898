//! Test hosts: containers with systemd as their first process and Nix with its daemon, on a network of their own.
//!
//! [`Lab::ready`] sets the machine up (or says why a test is left out), [`Host::up`] boots a host, [`FlakeRepository`] is
//! the git repository that hosts follow, [`Bridge`] the place on their network where servers of tests listen.
//! Everything here blocks; a test that has a runtime of its own calls it from a blocking thread.
//!
//! Never touches the machine's own network, units, users or `/nix`. What a host is made of is in `lab/`, what it deploys
//! in `flake/`, the stand-in of `nixos-rebuild` in `bin/`.

mod bridge;
mod command;
mod flake;
mod host;
mod lab;
mod rebuild;

pub use bridge::Bridge;
pub use command::{CommandError, Output};
pub use flake::{FlakeError, FlakeRepository, Moments, System, Unit};
pub use host::Host;
pub use lab::{Lab, LabError};
