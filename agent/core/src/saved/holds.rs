//! `holds.json`: what is held, and only there, in the one form that every version reads and writes: whatever becomes of
//! the state, no up- or downgrade tries a bad revision again.
//!
//! A reader takes what it understands. The version number says nothing to it, fields that it does not know mean nothing,
//! and of an entry only the revision must be readable.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
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

/// Stands for a reason that is damaged, or in words of another version.
const NO_REASON: &str = "held for a reason that cannot be read";

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
    held: Vec<Found>,
}

/// An entry, or anything else. Of a field that is there twice the last one counts.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Found {
    Fields(BTreeMap<String, Value>),
    Other(IgnoredAny),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Value {
    Number(u64),
    Text(String),
    Other(IgnoredAny),
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

fn hold(entry: Found) -> Option<Hold> {
    let Found::Fields(mut fields) = entry else { return None };
    let since = match fields.remove("since") {
        Some(Value::Number(since)) => since,
        Some(Value::Text(_) | Value::Other(_)) | None => 0,
    };
    let mut text = |name: &str| match fields.remove(name) {
        Some(Value::Text(text)) => Some(text),
        Some(Value::Number(_) | Value::Other(_)) | None => None,
    };
    Some(Hold {
        revision: Revision::parse(&text("revision")?).ok()?,
        since: Wall(since),
        reason: text("reason").unwrap_or_else(|| NO_REASON.to_owned()),
        code: text("reason_code").map(|word| ReasonCode::read(&word)),
    })
}

/// Returns a hold for each revision that bytes name, whatever else is wrong with them: what follows the key `revision` and
/// is a full commit id. Within a text a quotation mark has a backslash before it, so that no text looks like that.
#[must_use]
pub fn salvage(bytes: &[u8]) -> Vec<Hold> {
    let named = (0..bytes.len()).filter_map(|start| revision(&bytes[start..]));
    let hold = |revision| Hold { revision, since: Wall(0), reason: NO_REASON.to_owned(), code: None };
    let mut held: Vec<Hold> = Vec::new();
    for revision in named {
        if held.iter().all(|hold| hold.revision != revision) {
            held.push(hold(revision));
        }
    }
    held
}

/// Returns the part of the bytes of a `state.json` of version 1 in which its list is.
#[must_use]
pub fn list_of_version_1(bytes: &[u8]) -> &[u8] {
    let find = |bytes: &[u8], key: &[u8]| bytes.windows(key.len()).position(|window| window == key);
    let Some(start) = find(bytes, b"\"held\"") else { return &[] };
    let list = &bytes[start..];
    let next: [&[u8]; 3] = [b"\"tries\"", b"\"paused\"", b"\"history\""];
    let end = next.into_iter().filter_map(|key| find(list, key)).min().unwrap_or(list.len());
    &list[..end]
}

/// The revision of which the key is at the beginning of these bytes.
fn revision(bytes: &[u8]) -> Option<Revision> {
    let value =
        bytes.strip_prefix(b"\"revision\"")?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let text = value.strip_prefix(b"\"")?;
    let end = text.iter().position(|byte| *byte == b'"')?;
    Revision::parse(core::str::from_utf8(&text[..end]).ok()?).ok()
}
