//! Moments and lengths of time as people read them.

use jiff::Timestamp;

/// How long ago a moment of a document is, "3 min ago"; the text itself where it is no moment.
pub(crate) fn ago(moment: &str, now: Timestamp) -> String {
    match since(moment, now) {
        Some(seconds) if seconds < 1 => "just now".to_owned(),
        Some(seconds) => format!("{} ago", length(seconds)),
        None => super::harmless(moment),
    }
}

/// How long it has been so since a moment, "for 3 min".
pub(super) fn for_how_long(moment: &str, now: Timestamp) -> String {
    since(moment, now).map(|seconds| format!("for {}", length(seconds))).unwrap_or_default()
}

/// How long it is until a moment, "in 3 min".
pub(crate) fn ahead(moment: &str, now: Timestamp) -> String {
    match moment.parse::<Timestamp>() {
        Ok(moment) => format!("in {}", length(moment.as_second().saturating_sub(now.as_second()).max(0))),
        Err(_) => super::harmless(moment),
    }
}

/// A moment to the minute, in UTC.
pub(crate) fn minute(moment: &str) -> String {
    match moment.parse::<Timestamp>() {
        Ok(moment) => moment.strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => super::harmless(moment),
    }
}

/// A length in seconds by its largest unit, the one below it where that says more.
pub(crate) fn length(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 if seconds % 60 > 0 => format!("{minutes} min {} s", seconds % 60),
        60..3600 => format!("{minutes} min"),
        3600..36000 if minutes % 60 > 0 => format!("{hours} h {} min", minutes % 60),
        3600..172_800 => format!("{hours} h"),
        _ => format!("{days} d"),
    }
}

/// A length of a document in as few columns as possible, "1m03s".
pub(super) fn brief(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds.filter(|s| s.is_finite() && *s >= 0.0) else { return "-".to_owned() };
    // Whole numbers up to 2^53 are exact in a float, and `as` saturates beyond.
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole}s"),
        60..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3600, whole / 60 % 60),
    }
}

fn since(moment: &str, now: Timestamp) -> Option<i64> {
    moment.parse::<Timestamp>().ok().map(|moment| now.as_second().saturating_sub(moment.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_from_now() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a moment");
        for (moment, told) in [
            ("2026-03-01T12:00:00Z", "just now"),
            ("2026-03-01T12:00:09Z", "just now"),
            ("2026-03-01T11:59:18Z", "42 s ago"),
            ("2026-03-01T11:57:00Z", "3 min ago"),
            ("2026-03-01T11:56:55Z", "3 min 5 s ago"),
            ("2026-03-01T11:20:10Z", "39 min ago"),
            ("2026-03-01T09:30:00Z", "2 h 30 min ago"),
            ("2026-02-28T00:30:00Z", "35 h ago"),
            ("2026-02-01T00:00:00Z", "28 d ago"),
            ("once\x07", "once"),
        ] {
            assert_eq!(ago(moment, now), told);
        }
        assert_eq!(ahead("2026-03-01T14:00:00Z", now), "in 2 h");
        assert_eq!(minute("2026-03-01T14:00:59.123Z"), "2026-03-01 14:00");
    }

    #[test]
    fn lengths_are_brief() {
        for (seconds, told) in [
            (None, "-"),
            (Some(0.4), "0s"),
            (Some(41.2), "41s"),
            (Some(63.0), "1m03s"),
            (Some(7260.0), "2h01m"),
            (Some(f64::NAN), "-"),
            (Some(-1.0), "-"),
        ] {
            assert_eq!(brief(seconds), told);
        }
    }
}
