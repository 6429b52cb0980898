//! The hosts' bridge: its network namespace, entered by single threads, so that servers and clients of a test live in the
//! test's own process and are yet reached from hosts, and from nowhere else.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, setns};

use crate::lab;

/// The namespace that `host.sh` makes.
const NAMESPACE: &str = "/run/netns/pa-sw";

/// The place on the hosts' network where servers of tests listen; from [`crate::Lab::bridge`].
#[derive(Debug, Clone, Copy)]
pub struct Bridge;

impl Bridge {
    /// The address under which hosts reach what listens here; they also know it as `bridge`.
    pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 77, 254);

    /// Runs `work` on a thread of its own inside the bridge's network and returns what it returned. Sockets made in
    /// there stay in that network and may be used from any thread.
    ///
    /// # Errors
    /// Where the namespace cannot be entered.
    pub fn run<T: Send>(self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        self.exists()?;
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                setns(File::open(NAMESPACE)?, CloneFlags::CLONE_NEWNET)?;
                Ok(work())
            });
            inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Listens on the bridge's address; port 0 picks a free one.
    ///
    /// # Errors
    /// Where the namespace cannot be entered or the port is taken.
    pub fn listen(self, port: u16) -> io::Result<TcpListener> {
        self.run(|| TcpListener::bind((Self::ADDRESS, port)))?
    }

    /// Connects from the bridge to an address of a host.
    ///
    /// # Errors
    /// Where the namespace cannot be entered or the host does not answer.
    pub fn connect(self, address: SocketAddr) -> io::Result<TcpStream> {
        self.run(|| TcpStream::connect(address))?
    }

    /// A program of this machine, to be started inside the bridge's network.
    #[must_use]
    pub fn command(self, program: &str) -> Command {
        let mut command = lab::host_script();
        command.args(["net", "pa-sw", program]);
        command
    }

    /// Makes the bridge where no host has done so yet.
    fn exists(self) -> io::Result<()> {
        let status = self.command("true").status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("host.sh net ended with {status}")))
        }
    }
}
