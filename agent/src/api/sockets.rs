//! The two socket files and their permissions.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group, chown};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use super::serve::serve;
use super::{Api, control_routes, open_routes};
use crate::settings::StateSettings;

/// The sockets while they are served.
#[derive(Debug)]
pub struct Sockets {
    tasks: [JoinHandle<()>; 2],
    files: [PathBuf; 2],
    /// What the operator should know, for example that the group does not exist.
    pub warnings: Vec<String>,
}

impl Sockets {
    /// Ends the serving and removes the files.
    pub fn close(self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        for file in &self.files {
            if let Err(error) = std::fs::remove_file(file) {
                tracing::debug!(%error, file = %file.display(), "the socket was gone already");
            }
        }
    }
}

/// Why a socket cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot bind {}", path.display())]
pub struct ListenError {
    path: PathBuf,
    source: io::Error,
}

/// Binds both sockets and serves them. A socket file that an earlier process left is replaced; the state's lock makes
/// sure that no other agent serves it.
///
/// # Errors
/// When a file cannot be made or its permissions cannot be set.
pub fn listen(settings: &StateSettings, api: Api) -> Result<Sockets, ListenError> {
    let (open, control) = (settings.socket.clone(), settings.control_socket());
    let mut warnings = Vec::new();
    let group = group(&settings.group, &mut warnings);
    let open_listener = bind(&open, 0o666, None)?;
    let control_listener = bind(&control, 0o660, group)?;
    let tasks = [
        tokio::spawn(serve(open_listener, open_routes(api.clone()))),
        tokio::spawn(serve(control_listener, control_routes(api))),
    ];
    Ok(Sockets { tasks, files: [open, control], warnings })
}

fn group(name: &str, warnings: &mut Vec<String>) -> Option<Gid> {
    match Group::from_name(name) {
        Ok(Some(group)) => Some(group.gid),
        Ok(None) | Err(_) => {
            warnings.push(format!("the group {name:?} does not exist: only root may change things"));
            None
        }
    }
}

/// Binds under another name and renames when the permissions are right, so that nobody meets the socket without them.
fn bind(path: &Path, mode: u32, group: Option<Gid>) -> Result<UnixListener, ListenError> {
    let fail = |source| ListenError { path: path.to_owned(), source };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(fail)?;
    }
    let unready = path.with_extension("sock.new");
    match std::fs::remove_file(&unready) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&unready).map_err(fail)?;
    std::fs::set_permissions(&unready, Permissions::from_mode(mode)).map_err(fail)?;
    if let Some(group) = group {
        chown(&unready, None, Some(group)).map_err(|errno| fail(errno.into()))?;
    }
    std::fs::rename(&unready, path).map_err(fail)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_has_its_mode_and_takes_the_place_of_an_old_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run/control.sock");
        let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
        for expected in [0o660, 0o666] {
            let _listener = bind(&path, expected, None).expect("bound");
            assert_eq!(mode(&path), expected);
            std::os::unix::net::UnixStream::connect(&path).expect("somebody listens");
        }
    }
}
