//! The state file outlives the program that wrote it: types for each version of it, with words of their own, so that
//! neither the core nor the wire can change what lies on people's disks. Types and conversions only; the bytes are the
//! caller's.
//!
//! | file | version | |
//! |---|---|---|
//! | `state.json` | [`v1`] | read only, and frozen |
//! | `state.json` | [`v2`] | what is written |
//! | `holds.json` | [`holds`] | one form for all versions |
//! | `deployed.json` | [`deployed`] | one form for all versions |

pub mod deployed;
pub mod holds;
pub mod v1;
pub mod v2;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;

use crate::id::InvalidRevision;
use crate::state::Saved;

/// Version of `state.json` as this program writes it, and the newest that it reads.
pub const VERSION: u32 = 2;

/// The largest number of a deployment or a step that is taken from a file. No host gets so far: what is above is damage, and
/// counting on from there would come to the end of the numbers.
pub const LARGEST_NUMBER: u64 = 1 << 53;

/// The next number, or 0, as if there were none, where it is above [`LARGEST_NUMBER`].
const fn next_number(number: u64) -> u64 {
    if number > LARGEST_NUMBER { 0 } else { number }
}

/// What every `state.json` begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Header {
    /// Version of the program's format that wrote it; a file without one is of version 1.
    pub version: Option<u32>,
    /// The oldest format version whose reader understands it; [`Header::version`] where it is absent.
    pub min_reader: Option<u32>,
}

/// Which reader a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// [`v1::File`].
    V1,
    /// [`v2::File`]; also for files of later versions that say so.
    V2,
}

impl Header {
    /// Chooses the reader.
    ///
    /// # Errors
    /// When the file asks for a newer program than this one, or for a version that never was.
    pub fn reader(self) -> Result<Reader, Unreadable> {
        let version = self.version.unwrap_or(1);
        let min_reader = self.min_reader.unwrap_or(version);
        if min_reader > VERSION {
            return Err(Unreadable::TooNew { version, min_reader });
        }
        match version {
            0 => Err(Unreadable::NoVersion),
            1 => Ok(Reader::V1),
            _ => Ok(Reader::V2),
        }
    }
}

/// Why a file cannot be read although its syntax is good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Unreadable {
    /// It was written by a newer program.
    TooNew {
        version: u32,
        /// The version that its reader must know.
        min_reader: u32,
    },
    /// It says that it has version 0.
    NoVersion,
    /// A commit id in it is none.
    Revision(InvalidRevision),
    /// The deployment in progress is in a phase that this program does not know.
    Phase,
    /// The deployment in progress is past its build, and one of its two systems is not named.
    Systems,
    /// A deployment ended in a way that this program does not know.
    Outcome,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooNew { version, min_reader } => write!(
                f,
                "it has version {version} and asks for a program that knows version {min_reader}; this one knows up to \
                 {VERSION}"
            ),
            Self::NoVersion => f.write_str("it has version 0, which no program ever wrote"),
            Self::Revision(error) => error.fmt(f),
            Self::Outcome => f.write_str("it ended in a way that this program does not know"),
            Self::Phase => {
                f.write_str("the deployment in progress is in a phase that this program does not know")
            }
            Self::Systems => f.write_str(
                "the deployment in progress is past its build, but the file does not name both the system that was built \
                 and the one that ran before",
            ),
        }
    }
}

impl core::error::Error for Unreadable {}

impl From<InvalidRevision> for Unreadable {
    fn from(error: InvalidRevision) -> Self {
        Self::Revision(error)
    }
}

/// A state that was read, holds included where the file had them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Read {
    pub saved: Saved,
    /// One sentence for each part that this program does not understand and goes on without.
    pub left_out: Vec<String>,
}
