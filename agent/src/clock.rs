//! The only reader of clocks and of randomness.

use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};
use pull_agent_core::{Mono, Now, Wall};

/// Returns both clocks and a fresh random number.
///
/// The steady clock is `CLOCK_BOOTTIME` (clock_gettime(2)): it goes on while the machine sleeps and nobody can set it.
#[must_use]
pub fn now() -> Now {
    Now { wall: wall(), mono: mono(), entropy: entropy() }
}

/// Returns the wall clock; a clock that stands before 1970 reads as 1970.
#[must_use]
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

/// Returns a random number; `RandomState` is keyed by the operating system, which is plenty for jitter.
fn entropy() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

/// Writes a moment as RFC 3339 in UTC, to the second.
#[must_use]
pub fn rfc3339(wall: Wall) -> String {
    let seconds = i64::try_from(wall.0 / 1000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}
