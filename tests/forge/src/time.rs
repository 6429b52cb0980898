//! Times as GitHub writes them: RFC 3339, UTC, whole seconds.

use jiff::Timestamp;

/// Now, in whole seconds since 1970.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_second()
}

/// A time as text.
pub(crate) fn text(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}
