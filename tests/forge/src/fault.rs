//! What can go wrong, for the next requests or until it is cleared.

use serde::{Deserialize, Serialize};

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Fault {
    #[serde(flatten)]
    pub kind: Kind,
    /// For how many requests; none = until cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// Only for requests whose path and query hold this text.
    #[serde(default)]
    pub path: Option<String>,
}

/// What goes wrong. Written as `{"fault": "status", "status": 503}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    /// This status, with GitHub's kind of body.
    Status {
        status: u16,
        /// Header fields beside the usual ones.
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// This status, with these words in GitHub's kind of body.
    Refusal {
        status: u16,
        message: String,
        /// Header fields beside the usual ones.
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// The primary rate limit is used up: 403 or 429, `x-ratelimit-remaining: 0`, and when it ends.
    Primary {
        status: u16,
        /// Seconds until the end.
        reset_in: i64,
    },
    /// A secondary rate limit: 403 or 429 with `Retry-After`.
    Secondary {
        status: u16,
        /// As it is sent: seconds, or a date.
        retry_after: String,
    },
    /// The right answer with another status, or with header fields that replace or join its own.
    Headers { headers: Vec<(String, String)> },
    /// The right answer, so many milliseconds later.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// The right answer, one byte at a time.
    Drip {
        /// Milliseconds between two bytes.
        ms: u64,
    },
    /// The right answer, but the connection breaks after so many bytes of the body.
    Cut {
        /// Bytes.
        after: usize,
    },
    /// No answer at all, the connection stays open.
    Hang,
    /// The right head, and then nothing.
    HangBody,
    /// 200 with this body.
    Garbage { body: String },
    /// This answer and nothing else, such as one that was recorded.
    Verbatim { status: u16, headers: Vec<(String, String)>, body: String },
    /// 200 with a body that never ends.
    Endless,
    Redirect {
        /// 301, 302, 307, 308.
        status: u16,
        /// `Location`.
        location: String,
    },
}

impl Fault {
    /// For the next request.
    #[must_use]
    pub const fn once(kind: Kind) -> Self {
        Self { kind, times: Some(1), path: None }
    }

    /// For every request until cleared.
    #[must_use]
    pub const fn always(kind: Kind) -> Self {
        Self { kind, times: None, path: None }
    }

    /// Only for requests whose path and query hold this text.
    #[must_use]
    pub fn on(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }
}

/// Takes the fault that this request meets, and forgets it when it was its last one.
pub(crate) fn take(faults: &mut Vec<Fault>, target: &str) -> Option<Kind> {
    let at = faults.iter().position(|f| f.path.as_deref().is_none_or(|part| target.contains(part)))?;
    let fault = &mut faults[at];
    let kind = fault.kind.clone();
    if let Some(times) = &mut fault.times {
        *times = times.saturating_sub(1);
        if *times == 0 {
            faults.remove(at);
        }
    }
    Some(kind)
}
