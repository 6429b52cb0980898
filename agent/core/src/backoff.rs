//! Delays, from a count and a random number.

use crate::time::Millis;

/// Returns `first` doubled with each further failure (`failures` counts from 1), at most `most`, then spread by ±20 %
/// but never over `most`: a fleet that lost its forge at one moment does not come back at one moment.
pub(crate) fn exponential(first: Millis, most: Millis, failures: u32, entropy: u64) -> Millis {
    let doubled = first.0.saturating_mul(1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX));
    Millis(jitter(Millis(doubled.min(most.0)), entropy).0.min(most.0))
}

/// Spreads a length by ±20 %.
pub(crate) fn jitter(length: Millis, entropy: u64) -> Millis {
    let fifth = length.0 / 5;
    Millis(length.0 - fifth + entropy % (2 * fifth + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stays_within_a_fifth(length in 0_u64..1 << 40, entropy: u64) {
            let spread = jitter(Millis(length), entropy).0;
            prop_assert!(spread >= length - length / 5 && spread <= length + length / 5);
        }

        #[test]
        fn grows_to_its_most_and_no_further(first in 1_u64..100_000, most in 1_u64..10_000_000, failures: u32, entropy: u64) {
            let delay = exponential(Millis(first), Millis(most), failures, entropy).0;
            prop_assert!(delay <= most);
            if failures >= 64 {
                prop_assert!(delay >= most - most / 5);
            }
        }
    }
}
