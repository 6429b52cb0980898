//! How a forge is asked over HTTP, whatever is asked of it: limits in bytes, time and pages, what has not changed, rate
//! limits, refusals, redirects, the token. What differs from forge to forge is a [`Dialect`]; what an answer means is the
//! business of whoever asks. Never retries and never sleeps.
//!
//! The rooms: `question` is what others use, `api` is one request of it, `list` and `cache` are what is remembered,
//! `limits` and `refusal` say what a forge's refusal means.

mod api;
mod body;
mod cache;
mod credential;
mod dialect;
mod error;
mod limits;
mod link;
mod list;
mod question;
mod refusal;
mod stats;
mod token;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

pub(crate) use api::Posted;
pub(crate) use credential::Credential;
pub(crate) use dialect::{Denied, Dialect};
pub(crate) use error::HttpError;
pub(crate) use limits::{Quota, date_of};
pub(crate) use list::List;
pub(crate) use question::{Http, Question};
pub(crate) use refusal::Refusal;
pub use stats::ForgeStats;
pub(crate) use stats::SharedStats;

/// What one question may cost. [`Bounds::default`] is for the daemon; tests take smaller ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// All requests of one question together, redirects and pages too.
    pub(crate) total: Duration,
    /// Bytes of one body. A page of 100 check runs with long outputs has less than a MiB.
    pub(crate) body: usize,
    /// Pages of one list.
    pub(crate) pages: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { total: Duration::from_secs(30), body: 8 << 20, pages: 20 }
    }
}

/// Where a forge's API is, and how one gets there.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Root of the API, from [`root`]. Requests and the token go to its scheme, host and port alone.
    pub(crate) root: Url,
    /// Extra trust anchors, PEM.
    pub(crate) ca_file: Option<PathBuf>,
    /// What it is asked with.
    pub(crate) credential: Option<Credential>,
}

/// Reads the root of an API; none when it is not an address of http or https.
pub(crate) fn root(api_url: &str) -> Option<Url> {
    let root = Url::parse(api_url).ok()?;
    (matches!(root.scheme(), "http" | "https") && root.host().is_some()).then_some(root)
}
