//! The time that decisions are made from, that is saved and that is told: the wall clock is read here alone, and so is the
//! steady clock that the core knows. How long a driver waits for an answer it measures by itself (`Instant`), and keeps to
//! itself.

use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};
use pull_agent_core::{Mono, Now, Wall};

/// Returns both clocks and a fresh random number.
///
/// The steady clock is `CLOCK_BOOTTIME` (clock_gettime(2)): it goes on while the machine sleeps and nobody can set it.
#[must_use]
pub fn now() -> Now {
    // For jitter only: nothing here has to be beyond guessing.
    Now { wall: wall(), mono: mono(), entropy: fastrand::u64(..) }
}

/// Returns the wall clock; a clock that stands before 1970 reads as 1970.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
pub fn wall() -> Wall {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Wall(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Returns the steady clock.
#[must_use]
pub fn mono() -> Mono {
    // The call fails only for a clock that the kernel does not know (Linux has had this one since 2.6.39).
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
    Mono(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// Writes a moment as RFC 3339 in UTC, to the second.
#[must_use]
pub fn rfc3339(wall: Wall) -> String {
    let seconds = i64::try_from(wall.0 / 1000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}
