//! `holds.json`: what is held, and only there, in the one form that every version reads and writes: whatever becomes of
//! the state, no up- or downgrade tries a bad revision again.
//!
//! A reader takes what it understands. The version number says nothing to it, fields that it does not know mean nothing,
//! and of an entry only the revision must be readable.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::cause::ReasonCode;
use crate::id::Revision;
use crate::ledger::Hold;
use crate::time::Wall;

/// The version that is written. It is for people; no reader may refuse another one.
const VERSION: u32 = 1;

/// Stands for the words of an older or newer program where those cannot be read.
const NO_REASON: &str = "held by another version of pull-agent";

/// The file as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Written {
    version: u32,
    held: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Entry {
    revision: String,
    since: u64,
    reason: String,
    reason_code: Option<String>,
}

impl From<&[Hold]> for Written {
    fn from(held: &[Hold]) -> Self {
        let entry = |hold: &Hold| Entry {
            revision: hold.revision.as_str().to_owned(),
            since: hold.since.0,
            reason: hold.reason.clone(),
            reason_code: hold.code.map(|code| code.as_str().to_owned()),
        };
        Self { version: VERSION, held: held.iter().map(entry).collect() }
    }
}

/// The file as it is read, or any file that has a list `held` of that form: `state.json` of version 1 is one.
#[derive(Debug, Deserialize)]
pub struct File {
    held: Vec<Any<Found>>,
}

#[derive(Debug, Deserialize)]
struct Found {
    revision: String,
    #[serde(default)]
    since: Option<Any<u64>>,
    #[serde(default)]
    reason: Option<Any<String>>,
    #[serde(default)]
    reason_code: Option<Any<String>>,
}

/// What is understood, or anything else.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Any<T> {
    Known(T),
    Other(IgnoredAny),
}

impl<T> Any<T> {
    fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Other(_) => None,
        }
    }
}

impl File {
    /// Returns the holds in the order of the file, and how many entries name no revision that could be read.
    #[must_use]
    pub fn into_holds(self) -> (Vec<Hold>, usize) {
        let entries = self.held.len();
        let held: Vec<Hold> = self.held.into_iter().filter_map(hold).collect();
        let skipped = entries - held.len();
        (held, skipped)
    }
}

fn hold(entry: Any<Found>) -> Option<Hold> {
    let Found { revision, since, reason, reason_code } = entry.known()?;
    Some(Hold {
        revision: Revision::parse(&revision).ok()?,
        since: Wall(since.and_then(Any::known).unwrap_or_default()),
        reason: reason.and_then(Any::known).unwrap_or_else(|| NO_REASON.to_owned()),
        code: reason_code.and_then(Any::known).map(|word| ReasonCode::read(&word)),
    })
}
