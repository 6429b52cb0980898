//! Time: one true clock, from which the steady clock of each agent process and the wall clock are told.

use pull_agent_core::{Mono, Now, Wall};

/// Milliseconds since the world began, and what the clocks show instead.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Clock {
    pub now: u64,
    /// What the wall clock shows at the beginning.
    pub wall_base: u64,
    /// What the steady clock of the running process showed when it started.
    pub mono_base: u64,
    /// When the running process started.
    pub process_start: u64,
}

impl Clock {
    /// The steady clock of the running process.
    #[must_use]
    pub const fn mono(&self) -> Mono {
        Mono(self.mono_base + self.now.saturating_sub(self.process_start))
    }

    /// What a decision is told, with this random number.
    #[must_use]
    pub const fn told(&self, entropy: u64) -> Now {
        Now { wall: self.wall(), mono: self.mono(), entropy }
    }

    /// The wall clock.
    #[must_use]
    pub const fn wall(&self) -> Wall {
        Wall(self.wall_base + self.now)
    }

    /// When the steady clock of the running process shows this.
    #[must_use]
    pub const fn true_time(&self, mono: Mono) -> u64 {
        mono.0.saturating_sub(self.mono_base).saturating_add(self.process_start)
    }

    /// Somebody sets the wall clock.
    pub const fn set_wall_by(&mut self, milliseconds: i64) {
        self.wall_base = self.wall_base.saturating_add_signed(milliseconds);
    }
}
