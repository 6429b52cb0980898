//! sshd (sshd(8)) with a host key of its own and one authorized key, one process for each connection. The user who
//! logs in is the one who runs the tests.

use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::inetd::Inetd;
use crate::process::run;
use crate::repository::hermetic;

/// An ssh server.
#[derive(Debug)]
pub struct Sshd {
    inetd: Inetd,
    dir: TempDir,
    user: String,
}

impl Sshd {
    /// Starts one. With `protocol_2` it passes `GIT_PROTOCOL` on as forges do; Debian's own configuration does not, and
    /// git then falls back to its first protocol.
    ///
    /// # Panics
    /// When keys cannot be made.
    #[must_use]
    pub fn start(protocol_2: bool) -> Self {
        Self::start_with(|_| if protocol_2 { "AcceptEnv GIT_PROTOCOL\n".to_owned() } else { String::new() })
    }

    /// Starts one that lets the client in and then never says a word, nor ends when the client has nothing more to say.
    ///
    /// # Panics
    /// When keys cannot be made.
    #[must_use]
    pub fn start_hanging() -> Self {
        // The loop ends with the folder, so with this value.
        Self::start_with(|dir| {
            let dir = dir.display();
            format!("ForceCommand touch {dir}/called; while test -e {dir}/host; do sleep 0.2; done\n")
        })
    }

    fn start_with(more: impl Fn(&Path) -> String) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for key in ["host", "client", "stranger"] {
            let path = dir.path().join(key);
            run(hermetic("ssh-keygen", dir.path()).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path));
        }
        let config = dir.path().join("sshd_config");
        std::fs::write(&config, text(dir.path()) + &more(dir.path())).expect("a new file");
        // sshd wants this folder whatever its configuration says, and makes it only as a service.
        drop(std::fs::create_dir_all("/run/sshd"));
        let inetd = Inetd::start(move |connection| command(&config, connection));
        let server = Self { inetd, dir, user: run(Command::new("id").arg("-un")) };
        let key = std::fs::read_to_string(server.dir.path().join("host.pub")).expect("ssh-keygen wrote it");
        server.write("known_hosts", &format!("[127.0.0.1]:{} {key}", server.inetd.port()));
        let other =
            std::fs::read_to_string(server.dir.path().join("stranger.pub")).expect("ssh-keygen wrote it");
        server.write("other_hosts", &format!("[127.0.0.1]:{} {other}", server.inetd.port()));
        server
    }

    /// URL of a repository, by its absolute path.
    #[must_use]
    pub fn url(&self, path: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", self.user, self.inetd.port(), path.display())
    }

    /// Private key that may log in.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.dir.path().join("client")
    }

    /// Private key that may not.
    #[must_use]
    pub fn stranger_key_file(&self) -> PathBuf {
        self.dir.path().join("stranger")
    }

    /// Host key of this server.
    #[must_use]
    pub fn known_hosts_file(&self) -> PathBuf {
        self.dir.path().join("known_hosts")
    }

    /// Another host key under this server's name.
    #[must_use]
    pub fn other_hosts_file(&self) -> PathBuf {
        self.dir.path().join("other_hosts")
    }

    /// Whether a client of a hanging one has come so far that it waits for an answer.
    #[must_use]
    pub fn was_called(&self) -> bool {
        self.dir.path().join("called").exists()
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.dir.path().join(name), content).expect("a new file");
    }
}

fn text(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "HostKey {dir}/host\nAuthorizedKeysFile {dir}/client.pub\nPasswordAuthentication no\n\
         KbdInteractiveAuthentication no\nUsePAM no\nPermitRootLogin yes\nStrictModes no\nPidFile none\n"
    )
}

fn command(config: &Path, connection: &TcpStream) -> Option<Command> {
    let input = OwnedFd::from(connection.try_clone().ok()?);
    let output = OwnedFd::from(connection.try_clone().ok()?);
    let mut command = Command::new("/usr/sbin/sshd");
    command
        .args(["-i", "-e", "-f"])
        .arg(config)
        .stdin(Stdio::from(input))
        .stdout(Stdio::from(output))
        .stderr(Stdio::null());
    Some(command)
}
