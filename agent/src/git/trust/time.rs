//! Moments as ssh-keygen(1) writes them: `20261127`, `202611271200`, `20261127120000`, and with a Z at the end for UTC.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Returns seconds since 1970; without a Z the moment is one of the host's own time zone.
pub(super) fn moment(text: &str) -> Result<i64, String> {
    let malformed = || {
        format!(
            "{text:?} is no moment; allowed: YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with or without a Z"
        )
    };
    let (digits, zone) = match text.strip_suffix(['Z', 'z']) {
        Some(digits) => (digits, TimeZone::UTC),
        None => (text, TimeZone::system()),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(digits.len(), 8 | 12 | 14) {
        return Err(malformed());
    }
    let padded = format!("{digits:0<14}");
    let civil = DateTime::strptime("%Y%m%d%H%M%S", padded).map_err(|_| malformed())?;
    let zoned = zone.to_zoned(civil).map_err(|_| malformed())?;
    Ok(zoned.timestamp().as_second())
}

/// A moment for people.
pub(super) fn told(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| format!("{seconds} s"), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form() {
        assert_eq!(moment("19700102Z"), Ok(86_400));
        assert_eq!(moment("197001010001Z"), Ok(60));
        assert_eq!(moment("19700101000001Z"), Ok(1));
        assert!(moment("20261127").is_ok());
        for malformed in
            ["", "2026", "20261327", "2026-11-27", "20261127T1200", "202611271200000", "Z", "+0000001"]
        {
            assert!(moment(malformed).is_err(), "{malformed}");
        }
    }
}
