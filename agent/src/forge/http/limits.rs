//! How long a forge wants to be left alone, as its header fields say.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use pull_agent_core::{Budget, Millis};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

use crate::clock;

/// Forges count by the minute or by the hour; whoever asks for more is asked again after that.
const LONGEST: Millis = Millis::seconds(3600);

/// Where a limit was hit and no field says how long.
pub(super) const UNTOLD: Millis = Millis::seconds(60);

/// Names of the fields, in lower case, by which a forge tells what its primary limit still allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota {
    /// Requests that are left.
    pub(crate) remaining: &'static str,
    /// When the count begins anew, in seconds since 1970.
    pub(crate) reset: &'static str,
}

impl Quota {
    /// Requests that the primary limit still allows.
    pub(crate) fn left(&self, headers: &HeaderMap) -> Option<u64> {
        number(headers, self.remaining)
    }

    /// How long to wait from this answer on; none when the forge asks for nothing. In this order: `Retry-After`, then
    /// the end of a used up primary limit, then a minute for a limit without a word.
    pub(super) fn leave_alone(&self, status: StatusCode, headers: &HeaderMap) -> Option<Millis> {
        // Both ends of a difference come from the forge's clock where it tells it: the host's own may be wrong.
        let now = date(headers, &DATE).unwrap_or_else(local);
        let until = |end: Timestamp| {
            Millis::seconds(end.as_second().saturating_sub(now.as_second()).max(1).unsigned_abs())
        };
        let asked = if let Some(seconds) = number(headers, RETRY_AFTER.as_str()) {
            Some(Millis::seconds(seconds))
        } else if let Some(end) = date(headers, &RETRY_AFTER) {
            Some(until(end))
        } else if self.left(headers) == Some(0) {
            let end =
                number(headers, self.reset).and_then(|s| Timestamp::from_second(s.try_into().ok()?).ok());
            Some(end.map_or(UNTOLD, until))
        } else {
            (status == StatusCode::TOO_MANY_REQUESTS).then_some(UNTOLD)
        };
        asked.filter(|length| length.0 > 0).map(|length| length.min(LONGEST))
    }
}

impl Quota {
    /// What is left of the primary limit, and for how long it has to do. None where the forge tells neither, and where nothing is
    /// left: [`Self::leave_alone`] waits for the end then.
    pub(super) fn budget(&self, headers: &HeaderMap) -> Option<Budget> {
        let left = self.left(headers).filter(|left| *left > 0)?;
        let end = i64::try_from(number(headers, self.reset)?).ok()?;
        let now = date(headers, &DATE).unwrap_or_else(local).as_second();
        Some(Budget { left, seconds: end.saturating_sub(now).max(0).unsigned_abs() })
    }
}

/// What the forge's clock showed when it answered.
pub(crate) fn date_of(headers: &HeaderMap) -> Option<Timestamp> {
    date(headers, &DATE)
}

fn local() -> Timestamp {
    let milliseconds = i64::try_from(clock::wall().0).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// A date as HTTP writes it (RFC 9110, 5.6.7), in its preferred form.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    let text = headers.get(name)?.to_str().ok()?;
    static PARSER: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new();
    PARSER.parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { remaining: "x-ratelimit-remaining", reset: "x-ratelimit-reset" };

    fn check(status: u16, fields: &[(&'static str, &str)], expected: Option<u64>) {
        let headers = fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")))
            .collect();
        let status = StatusCode::from_u16(status).expect("a status");
        assert_eq!(QUOTA.leave_alone(status, &headers), expected.map(Millis::seconds), "{fields:?}");
    }

    const DATE: (&str, &str) = ("date", "Tue, 24 Nov 2026 04:00:00 GMT");
    /// The same moment in seconds since 1970.
    const AT: i64 = 1_795_492_800;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        check(503, &[("retry-after", "7")], Some(7));
        check(
            429,
            &[("retry-after", " 60 "), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")],
            Some(60),
        );
        check(503, &[DATE, ("retry-after", "Tue, 24 Nov 2026 04:02:30 GMT")], Some(150));
        check(503, &[DATE, ("retry-after", "Tue, 24 Nov 2026 03:00:00 GMT")], Some(1));
        check(503, &[("retry-after", "0")], None);
        check(503, &[("retry-after", "soon")], None);
    }

    #[test]
    fn a_used_up_limit_waits_for_its_end() {
        let reset = (AT + 90).to_string();
        let fields = [DATE, ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset.as_str())];
        check(403, &fields, Some(90));
        check(200, &fields, Some(90));
        check(403, &[DATE, ("x-ratelimit-remaining", "0")], Some(60));
        check(200, &[DATE, ("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", &reset)], None);
    }

    #[test]
    fn questions_leave_half_of_what_is_left() {
        let pace = |left: u64, seconds: i64, requests: u64| {
            let reset = (AT + seconds).to_string();
            let fields = [DATE, ("x-ratelimit-remaining", &left.to_string()), ("x-ratelimit-reset", &reset)];
            let headers = fields
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")))
                .collect();
            QUOTA.budget(&headers).and_then(|budget| budget.pace(requests)).map(|wait| wait.0 / 1000)
        };
        assert_eq!(pace(4_990, 3_600, 3), None, "plenty");
        assert_eq!(pace(480, 3_600, 1), None);
        assert_eq!(pace(400, 3_600, 1), Some(18));
        assert_eq!(pace(400, 3_600, 3), Some(54));
        assert_eq!(pace(59, 3_500, 1), Some(118), "without a token");
        assert_eq!(pace(1, 3_000, 1), Some(3_000), "until the end and no longer");
        assert_eq!(pace(1, -5, 1), None, "it is over");
        assert_eq!(pace(0, 3_000, 1), None, "that is a wait of its own");
        assert_eq!(pace(7, 3_000, 0), None, "what has not changed costs nothing");
        assert_eq!(QUOTA.budget(&HeaderMap::new()), None);
    }

    #[test]
    fn nothing_is_longer_than_an_hour() {
        check(503, &[("retry-after", "99999999999")], Some(3600));
        check(503, &[DATE, ("retry-after", "Tue, 24 Nov 2076 04:00:00 GMT")], Some(3600));
        check(403, &[DATE, ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "99999999999")], Some(3600));
    }

    #[test]
    fn a_limit_without_a_word_is_a_minute() {
        check(429, &[], Some(60));
        check(403, &[], None);
        check(500, &[], None);
    }
}
