//! What can be out of order, and the ways to die.

/// What is out of order at this moment. Every time is true time in milliseconds.
#[derive(Debug, Default)]
pub struct Faults {
    /// Until then nothing can be written.
    pub disk_full_until: u64,
    /// Until then the git server does not answer.
    pub remote_down_until: u64,
    /// Until then a poll or a fetch is answered only long after it was given up.
    pub remote_hangs_until: u64,
    /// So many of the next ways back fail.
    pub backs_fail: u32,
    /// How often the build of each commit has failed in passing.
    pub builds_failed: Vec<u32>,
}

impl Faults {
    /// Whether nothing can be written.
    #[must_use]
    pub const fn disk_is_full(&self, now: u64) -> bool {
        self.disk_full_until > now
    }

    /// Counts one more passing failure of a commit's build and returns how many there were before.
    pub fn build_failed(&mut self, commit: usize) -> u32 {
        if self.builds_failed.len() <= commit {
            self.builds_failed.resize(commit + 1, 0);
        }
        self.builds_failed[commit] += 1;
        self.builds_failed[commit] - 1
    }

    /// Everything works again.
    pub const fn heal(&mut self) {
        self.disk_full_until = 0;
        self.remote_down_until = 0;
        self.remote_hangs_until = 0;
        self.backs_fail = 0;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Death {
    /// `kill -9` of the agent. A step goes on.
    Kill,
    /// SIGTERM to the agent: it cancels a build and goes.
    Stop,
    /// The machine loses power, and its wall clock may be wrong afterwards.
    Reboot,
    /// The machine loses power and boots into what ran before the deployment, whatever the profile says.
    BootOld,
    /// The step is killed. The agent lives.
    Step,
    /// The process that watches over the step is killed; nixos-rebuild's own unit goes on. The agent lives.
    Watcher,
    /// The agent is killed and its state file is unreadable afterwards.
    KillAndLoseState,
}

impl Death {
    #[expect(missing_docs, reason = "the name says it")]
    pub const ALL: [Self; 7] = [
        Self::Kill,
        Self::Stop,
        Self::Reboot,
        Self::BootOld,
        Self::Step,
        Self::Watcher,
        Self::KillAndLoseState,
    ];
}
