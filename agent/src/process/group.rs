//! Ending programs with everything that they started.

use std::io;
use std::process::ExitStatus;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::descendants;

/// A child that leads a process group of its own. What is left of the group is killed when this value goes.
#[derive(Debug)]
pub(super) struct Leader {
    child: Child,
    /// None once it was killed: from then on the number may become somebody else's.
    group: Option<Pid>,
}

impl Leader {
    /// Starts the program.
    ///
    /// # Errors
    /// Those of the system, above all that there is no such program.
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Ok(Self { child, group })
    }

    /// The child, for its pipes.
    pub(super) const fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits until the leader has ended. The rest of its group may live on.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Kills the group. Its number is nobody else's as long as a member of it is there; and the kernel gives a number that
    /// has become free to somebody else only after all the others.
    pub(super) fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            // No such group: it ended by itself, with all of its members.
            killpg(group, Signal::SIGKILL).ok();
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Kills a process, everything below it, and the group that it leads. Who has ended meanwhile is no error.
pub(crate) fn kill_tree(process: i32) {
    let leader = Pid::from_raw(process);
    for id in descendants(process).into_iter().map(Pid::from_raw).chain([leader]) {
        kill(id, Signal::SIGKILL).ok();
    }
    killpg(leader, Signal::SIGKILL).ok();
}
