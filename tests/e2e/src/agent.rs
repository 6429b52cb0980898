//! The daemon as a process: started, seen, signalled, killed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pull_agent_protocol::{Deployment, Deployments, Outcome, RevisionAnswer, Status};

use crate::client::Client;
use crate::eventually;
use crate::programs::{agentctl, pull_agent};
use crate::world::World;

/// A running `pull-agent run`; killed when this is dropped.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    log: PathBuf,
    socket: PathBuf,
    /// `agent.sock`.
    pub open: Client,
    /// `control.sock`.
    pub control: Client,
}

impl Agent {
    pub(crate) fn spawn(world: &World, config: &Path) -> Self {
        let log = world.folder().join("agent.log");
        let words = File::options().create(true).append(true).open(&log).expect("a log file");
        let child = world
            .command(pull_agent())
            .env("PULL_AGENT_LOG", "pull_agent=debug,info")
            .args(["run", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(words.try_clone().expect("a second handle"))
            .stderr(words)
            .spawn()
            .expect("the agent can be started");
        std::fs::write(world.path("run/agent.pid"), child.id().to_string()).expect("a new file");
        let socket = world.folder().join("run/agent.sock");
        let control = Client::new(&socket.with_file_name("control.sock"));
        Self { child, log, open: Client::new(&socket), control, socket }
    }

    // --- seen ------------------------------------------------------------------------------------------------------------

    /// `GET /v1/status`.
    #[must_use]
    pub fn status(&self) -> Status {
        self.open.get("/v1/status").read()
    }

    /// `GET /v1/deployments`, newest first.
    #[must_use]
    pub fn history(&self) -> Vec<Deployment> {
        self.open.get("/v1/deployments").read::<Deployments>().deployments
    }

    /// `GET /v1/revisions/{revision}`: code and answer.
    #[must_use]
    pub fn revision(&self, revision: &str) -> (u16, RevisionAnswer) {
        let answer = self.open.get(&format!("/v1/revisions/{revision}"));
        (answer.code, answer.read())
    }

    /// What it wrote since the first start in this world.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Path of `agent.sock`.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    // --- waited for ------------------------------------------------------------------------------------------------------

    /// Waits until this process answers.
    pub(crate) fn wait_until_it_answers(&self) {
        let answered = eventually(|| {
            let answer = self.open.try_get("/v1/status")?;
            (answer.read::<Status>().agent.pid == self.child.id()).then_some(())
        });
        assert!(answered.is_some(), "the agent does not answer:\n{}", self.log());
    }

    /// Waits until the status is as wished, and returns it.
    ///
    /// # Panics
    /// When it does not come to that.
    #[track_caller]
    pub fn wait_for(&self, what: &str, wish: impl Fn(&Status) -> bool) -> Status {
        let found = eventually(|| {
            let status: Status = self.open.try_get("/v1/status")?.read();
            wish(&status).then_some(status)
        });
        found.unwrap_or_else(|| {
            let last = self.open.try_get("/v1/status").map(|answer| answer.body);
            panic!("no status with {what}; the last one: {}", last.unwrap_or_else(|| "none".to_owned()))
        })
    }

    /// Waits until this revision runs and nothing is going on.
    #[track_caller]
    pub fn wait_until_runs(&self, revision: &str) -> Status {
        self.wait_for(&format!("{revision} running"), |status| {
            status.running.revision.as_deref() == Some(revision)
                && status.current.is_none()
                && status.wanted.is_none()
        })
    }

    /// Waits until the last deployment is of this revision and ended so.
    ///
    /// # Panics
    /// When it does not come to that.
    #[track_caller]
    pub fn wait_for_end(&self, revision: &str, outcome: Outcome) -> Deployment {
        let what = format!("{revision} {}", outcome.as_str());
        let status = self.wait_for(&what, |status| {
            let last = status.last_deployment.as_ref();
            last.is_some_and(|last| last.revision == revision && last.outcome == outcome)
        });
        status.last_deployment.expect("it was just there")
    }

    /// Waits until two more polls have been answered than now: whatever the agent does on a poll, it has done.
    #[track_caller]
    pub fn wait_for_polls(&self) {
        for _ in 0..2 {
            let before = self.status().source.last_poll_at;
            self.wait_for("another poll", |status| status.source.last_poll_at != before);
        }
    }

    // --- told ------------------------------------------------------------------------------------------------------------

    /// Sends a signal.
    ///
    /// # Panics
    /// When there is no such process.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the agent is there");
    }

    /// Kills it as a power cut would, and waits until it is gone.
    ///
    /// # Panics
    /// When it was gone already.
    pub fn kill(mut self) {
        self.child.kill().expect("the agent is there");
        self.child.wait().expect("it can be waited for");
    }

    /// Asks it to stop and waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn stop(self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    #[track_caller]
    pub fn wait(mut self) -> ExitStatus {
        let ended = eventually(|| self.child.try_wait().expect("it can be waited for"));
        ended.unwrap_or_else(|| panic!("the agent does not end:\n{}", self.log()))
    }

    /// Whether it still runs.
    ///
    /// # Panics
    /// When that cannot be said.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it can be waited for").is_none()
    }

    /// Says *look now*.
    pub fn nudge(&self) {
        assert_eq!(self.open.post("/v1/nudge", "").code, 202);
    }

    /// Runs `agentctl` against its socket, to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn ctl(&self, world: &World, arguments: &[&str]) -> Output {
        let mut command = world.command(agentctl());
        command.arg("--socket").arg(&self.socket).args(arguments);
        command.output().expect("agentctl can be started")
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // An agent that has ended already cannot be killed, which is as good.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
