//! Time as the core sees it: numbers that the caller brings.

/// Wall clock: milliseconds since 1970-01-01T00:00:00Z. For what people and other programs read, and for ends of pauses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wall(pub u64);

/// Steady clock: milliseconds since some moment before the process started, never set back. For every timer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mono(pub u64);

/// A length of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// Length of so many seconds, or the longest there is.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// `factor` times as long.
    #[must_use]
    pub const fn times(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl Mono {
    /// The moment `length` later.
    #[must_use]
    pub const fn after(self, length: Millis) -> Self {
        Self(self.0.saturating_add(length.0))
    }

    /// How long it is since `earlier`, zero when that is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

impl Wall {
    /// How long it is since `earlier`, zero when that is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

/// What every decision is told: both clocks and a random number, for jitter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// For what is saved and shown.
    pub wall: Wall,
    /// For every timer.
    pub mono: Mono,
    /// Evenly distributed over all of `u64`, another one with each event.
    pub entropy: u64,
}
