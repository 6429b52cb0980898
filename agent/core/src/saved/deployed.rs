//! `deployed.json`: the last confirmed deployment, apart from the state, in the one form that every version reads and
//! writes. Nothing in it may ever change its meaning; fields may be added.

use alloc::borrow::ToOwned;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::Unreadable;
use crate::id::{Revision, SystemPath};
use crate::ledger;
use crate::time::Wall;

/// The file. Revision: 40 hexadecimal digits; system: a store path; time: milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deployed {
    revision: String,
    system: String,
    at: u64,
    compared: bool,
}

impl From<&ledger::Deployed> for Deployed {
    fn from(deployed: &ledger::Deployed) -> Self {
        let ledger::Deployed { revision, system, at, compared } = deployed;
        Self {
            revision: revision.as_str().to_owned(),
            system: system.as_str().to_owned(),
            at: at.0,
            compared: *compared,
        }
    }
}

impl TryFrom<Deployed> for ledger::Deployed {
    type Error = Unreadable;
    fn try_from(file: Deployed) -> Result<Self, Unreadable> {
        let Deployed { revision, system, at, compared } = file;
        Ok(Self {
            revision: Revision::parse(&revision)?,
            system: SystemPath::new(&system),
            at: Wall(at),
            compared,
        })
    }
}
