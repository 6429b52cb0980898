//! Lengths of time as people write them: `60s`, `15m`, `2h`, `1h30m`, and `0`.

use std::time::Duration;

/// What is allowed, for messages.
pub const ALLOWED: &str = r#"a number with s, m, h or d, like "60s", "15m", "2h" or "1h30m""#;

/// Longest length that is read: ten years. Every timer can hold it.
pub const LONGEST: Duration = Duration::from_secs(3650 * 24 * 3600);

const UNITS: [(char, u64); 4] = [('d', 24 * 3600), ('h', 3600), ('m', 60), ('s', 1)];

/// Reads a length of time: whole numbers with the units `d`, `h`, `m`, `s`, the larger unit first and each at most once,
/// without blanks. `0` needs no unit.
///
/// # Errors
/// What is wrong with the text, to be followed by what is allowed.
pub fn parse(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let wrong = || format!("{text:?} is not a length of time");
    let too_long = || format!("{text:?} is longer than ten years");
    let mut units = UNITS.iter();
    let mut seconds = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.chars().next().ok_or_else(wrong)?;
        let &(_, length) = units.find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        if number.is_empty() {
            return Err(wrong());
        }
        let part = number.parse::<u64>().ok().and_then(|n| n.checked_mul(length)).ok_or_else(too_long)?;
        seconds = seconds.checked_add(part).ok_or_else(too_long)?;
        rest = &tail[unit.len_utf8()..];
    }
    let read = Duration::from_secs(seconds);
    match text {
        "" => Err(wrong()),
        _ if read > LONGEST => Err(too_long()),
        _ => Ok(read),
    }
}

/// Writes a length of time so that [`parse`] reads the same whole seconds again: `90m` is `1h30m`.
#[must_use]
pub fn format(length: Duration) -> String {
    let mut rest = length.as_secs();
    if rest == 0 {
        return "0".to_owned();
    }
    let mut text = String::new();
    for (name, size) in UNITS {
        if rest >= size {
            text.push_str(&format!("{}{name}", rest / size));
            rest %= size;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, seconds: Option<u64>) {
        assert_eq!(parse(text).ok(), seconds.map(Duration::from_secs), "{text:?}");
    }

    #[test]
    fn reads_what_is_documented() {
        check("0", Some(0));
        check("0s", Some(0));
        check("60s", Some(60));
        check("15m", Some(900));
        check("2h", Some(7200));
        check("1d", Some(86400));
        check("1h30m", Some(5400));
        check("3650d", Some(LONGEST.as_secs()));
    }

    #[test]
    fn refuses_everything_else() {
        for text in
            ["", " ", "60", "s", "-1s", "1.5h", "1 h", "60S", "1m1h", "1s1s", "5w", "1h30", "3651d", "٣s"]
        {
            check(text, None);
        }
        check("99999999999999999999s", None);
        check("18446744073709551615h", None);
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(parse("60x"), Err("\"60x\" is not a length of time".to_owned()));
        assert_eq!(parse("4000d"), Err("\"4000d\" is longer than ten years".to_owned()));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(seconds in 0..=LONGEST.as_secs()) {
            let length = Duration::from_secs(seconds);
            prop_assert_eq!(parse(&format(length)), Ok(length));
        }

        #[test]
        fn is_the_sum_of_its_parts_or_refused(parts in [0_u64..5_000, 0..100_000, 0..6_000_000, 0..400_000_000]) {
            let text: String = UNITS.iter().zip(parts).map(|((name, _), part)| format!("{part}{name}")).collect();
            let seconds: u64 = UNITS.iter().zip(parts).map(|((_, size), part)| size * part).sum();
            let sum = Some(Duration::from_secs(seconds)).filter(|sum| *sum <= LONGEST);
            prop_assert_eq!(parse(&text).ok(), sum);
        }

        #[test]
        fn anything_else_is_refused(text in "[^0-9].{0,24}") {
            prop_assert!(parse(&text).is_err());
        }
    }
}
