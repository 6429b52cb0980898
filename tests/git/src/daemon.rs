//! `git daemon` (git-daemon(1)), one process for each connection.

use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::inetd::Inetd;
use crate::repository::hermetic;

/// A git daemon over a folder of repositories.
#[derive(Debug)]
pub struct GitDaemon {
    inetd: Inetd,
}

impl GitDaemon {
    /// Serves every repository of the folder.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn start(root: &Path) -> Self {
        let root = root.to_owned();
        Self { inetd: Inetd::start(move |connection| command(&root, connection)) }
    }

    /// URL of the repository of this name.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("git://127.0.0.1:{}/{name}", self.inetd.port())
    }
}

fn command(root: &Path, connection: &TcpStream) -> Option<Command> {
    let input = OwnedFd::from(connection.try_clone().ok()?);
    let output = OwnedFd::from(connection.try_clone().ok()?);
    let mut command = hermetic("git", root);
    command
        .args(["daemon", "--inetd", "--export-all"])
        .arg(format!("--base-path={}", root.display()))
        .arg(root)
        .stdin(Stdio::from(input))
        .stdout(Stdio::from(output))
        .stderr(Stdio::null());
    Some(command)
}
