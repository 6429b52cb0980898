//! Which `nixos-rebuild` hosts get: this machine's own where it has one, else the stand-in of `bin/`.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::command::{self, CommandError, Output};
use crate::{Host, lab};

/// Copies of closures are some hundred megabytes.
const COPY: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub(crate) enum NixosRebuild {
    StandIn,
    /// On PATH, its links resolved: a file of this machine's `/nix/store`.
    Real(PathBuf),
}

/// Looks for a real one. Outside of `/nix/store` it is no NixOS package but somebody's stand-in.
pub(crate) fn find() -> NixosRebuild {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .filter_map(|directory| fs::canonicalize(directory.join("nixos-rebuild")).ok())
        .find(|program| program.starts_with("/nix/store"))
        .map_or(NixosRebuild::StandIn, NixosRebuild::Real)
}

impl NixosRebuild {
    /// Puts it into the host as `/usr/local/bin/nixos-rebuild`.
    pub(crate) fn install(&self, host: &Host) -> Result<(), CommandError> {
        match self {
            Self::StandIn => {
                let text = fs::read(lab::part("bin/nixos-rebuild")).map_err(|source| CommandError::Run {
                    command: "read bin/nixos-rebuild".into(),
                    source,
                })?;
                host.write_file("/usr/local/bin/nixos-rebuild", &text, 0o755)
            }
            Self::Real(program) => Self::import(program, host),
        }
    }

    /// Copies the program and all that it needs from this machine's store into the host's.
    fn import(program: &PathBuf, host: &Host) -> Result<(), CommandError> {
        let mut copy = Command::new("bash");
        copy.arg("-euo").arg("pipefail").arg("-c");
        copy.arg(r#"nix-store --export $(nix-store --query --requisites "$0") | "$@" nix-store --import"#);
        copy.arg(program).arg(lab::part("lab/host.sh")).args(["exec", host.name()]);
        command::run(copy, b"", COPY).and_then(Output::ok)?;
        let program = program.to_string_lossy();
        host.exec(&["ln", "-sfn", &program, "/usr/local/bin/nixos-rebuild"])?.ok()?;
        Ok(())
    }
}
