//! From the files to what is known. A file that is not understood is kept aside, and the agent goes on without it.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use pull_agent_core::saved::{self, Header, Read, Reader, holds, v1, v2};
use pull_agent_core::{Deployed, Hold, Saved, held_by_history};

use super::clean;
use super::error::OpenError;
use crate::clock;

pub(super) const STATE: &str = "state.json";
pub(super) const DEPLOYED: &str = "deployed.json";
pub(super) const HOLDS: &str = "holds.json";

/// What the three files say together.
#[derive(Debug)]
pub(super) struct Found {
    /// None when there is no state that can be read.
    pub(super) state: Option<Saved>,
    /// What `deployed.json` holds.
    pub(super) deployed: Option<Deployed>,
    /// What is held, wherever it was found.
    pub(super) held: Vec<Hold>,
    /// What `holds.json` holds; none when it is not there or is not understood.
    pub(super) holds_file: Option<Vec<Hold>>,
}

/// Reads the files of a state directory, and adds a sentence to the warnings for everything that is not as it should be.
///
/// # Errors
/// When a file is there and cannot be read.
pub(super) fn read(directory: &Path, warnings: &mut Vec<String>) -> Result<Found, OpenError> {
    let mut files = Files { directory, warnings };
    let holds = files.holds()?;
    let state = files.state()?;
    let deployed = files.document(DEPLOYED, |text| {
        let file: saved::deployed::Deployed = json(text)?;
        file.try_into().map_err(|error: saved::Unreadable| error.to_string())
    })?;
    let held = files.held(&holds, &state);
    Ok(Found {
        state: state.value().map(|(_, saved)| saved),
        deployed: deployed.value(),
        held,
        holds_file: holds.value().map(|list| list.held),
    })
}

/// What became of one file.
#[derive(Debug)]
enum Document<T> {
    Missing,
    /// It is kept aside; with the holds that could be read in it all the same.
    Bad(Vec<Hold>),
    Good(T),
}

impl<T> Document<T> {
    fn value(self) -> Option<T> {
        match self {
            Self::Good(value) => Some(value),
            Self::Missing | Self::Bad(_) => None,
        }
    }
}

/// What `holds.json` says.
#[derive(Debug)]
struct List {
    held: Vec<Hold>,
    /// False when there were entries that name no revision.
    whole: bool,
}

struct Files<'a> {
    directory: &'a Path,
    warnings: &'a mut Vec<String>,
}

impl Files<'_> {
    fn holds(&mut self) -> Result<Document<List>, OpenError> {
        let found = self.document(HOLDS, list)?;
        let (held, skipped) = match found {
            Document::Good(found) => found,
            Document::Missing => return Ok(Document::Missing),
            Document::Bad(held) => return Ok(Document::Bad(held)),
        };
        if skipped > 0 {
            let aside = self.aside(HOLDS);
            let copied = match std::fs::copy(self.directory.join(HOLDS), &aside) {
                Ok(_) => format!("the file as it was is kept as {}", aside.display()),
                Err(error) => format!("the file as it was cannot be kept: {error}"),
            };
            self.warnings.push(format!(
                "{skipped} of the entries of {HOLDS} name no revision and hold nothing; {copied}"
            ));
        }
        Ok(Document::Good(List { held, whole: skipped == 0 }))
    }

    fn state(&mut self) -> Result<Document<(Reader, Saved)>, OpenError> {
        let found = self.document(STATE, state)?;
        if let Document::Good((_, Read { left_out, .. })) = &found
            && !left_out.is_empty()
        {
            self.warnings.push(format!("{STATE} was read without {}", left_out.join("; ")));
        }
        Ok(match found {
            Document::Good((reader, read)) => Document::Good((reader, read.saved)),
            Document::Missing => Document::Missing,
            Document::Bad(held) => Document::Bad(held),
        })
    }

    /// Everything that says that a revision is held counts. Only the program of version 1 kept that in its state, and where
    /// the list should be and cannot be read, or not all of it, the history has to tell.
    fn held(&mut self, holds: &Document<List>, state: &Document<(Reader, Saved)>) -> Vec<Hold> {
        let (mut held, rebuild) = match holds {
            Document::Good(list) => (list.held.clone(), !list.whole),
            Document::Bad(_) => (Vec::new(), true),
            Document::Missing => (Vec::new(), matches!(state, Document::Good((Reader::V2, _)))),
        };
        match state {
            Document::Good((_, saved)) => {
                join(&mut held, &saved.ledger.held);
                if rebuild {
                    let rebuilt = held_by_history(saved);
                    let fate = if matches!(holds, Document::Good(_)) { "not whole" } else { "lost" };
                    self.warnings.push(format!(
                        "{HOLDS} was {fate}; held revisions found in the history instead: {}. `agentctl status` shows \
                         them, `agentctl retry` forgets those that need not be held",
                        rebuilt.len()
                    ));
                    join(&mut held, &rebuilt);
                }
            }
            Document::Bad(salvaged) => {
                join(&mut held, salvaged);
                if !matches!(holds, Document::Good(List { whole: true, .. })) {
                    self.warnings.push(format!(
                        "there is no good {HOLDS} either; held revisions found in what is left of {STATE}: {}. Another \
                         one that failed before may be tried once more; `agentctl pause` keeps it from being activated",
                        salvaged.len()
                    ));
                }
            }
            Document::Missing => {}
        }
        // Last, as the others may know the reason.
        if let Document::Bad(salvaged) = holds {
            join(&mut held, salvaged);
        }
        held
    }

    /// Reads one file; what is not understood is put aside with a warning.
    fn document<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<Document<T>, OpenError> {
        let path = self.directory.join(name);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Document::Missing),
            Err(source) => return Err(OpenError::Read { path, source }),
        };
        let problem = match parse(&text) {
            Ok(value) => return Ok(Document::Good(value)),
            Err(problem) => problem,
        };
        let salvaged = salvage(name, &text);
        let aside = self.aside(name);
        let mut warning = match std::fs::rename(&path, &aside) {
            Ok(()) => format!("{name} was unreadable ({problem}) and is kept as {}", aside.display()),
            Err(error) => format!("{name} is unreadable ({problem}) and cannot be kept aside: {error}"),
        };
        if name == HOLDS {
            write!(warning, "; holds saved out of it: {}", salvaged.len()).ok();
        }
        self.warnings.push(warning);
        Ok(Document::Bad(salvaged))
    }

    /// Where a bad file is kept: a name that no other one has.
    fn aside(&self, name: &str) -> PathBuf {
        let first = self.directory.join(format!("{name}.bad-{}", clock::wall().0 / 1000));
        let more = (2..).map(|number| first.with_added_extension(number.to_string()));
        std::iter::once(first.clone()).chain(more).find(|path| !path.exists()).unwrap_or(first)
    }
}

/// Adds holds to a list, in which a revision is only once.
pub(super) fn join(held: &mut Vec<Hold>, more: &[Hold]) {
    for hold in more {
        if held.iter().all(|other| other.revision != hold.revision) {
            held.push(hold.clone());
        }
    }
}

/// What a file that is not understood says of holds.
fn salvage(name: &str, text: &[u8]) -> Vec<Hold> {
    match name {
        HOLDS => holds::salvage(text),
        // In version 1 the state had a list of the same form in it.
        STATE => list(text).map_or_else(|_| holds::salvage(holds::list_of_version_1(text)), |(held, _)| held),
        _ => Vec::new(),
    }
}

/// Returns the holds, and how many entries name none.
fn list(text: &[u8]) -> Result<(Vec<Hold>, usize), String> {
    let (mut held, skipped) = json::<holds::File>(text)?.into_holds();
    clean::holds(&mut held);
    Ok((held, skipped))
}

fn state(text: &[u8]) -> Result<(Reader, Read), String> {
    let header: Header = json(text)?;
    let reader = header.reader().map_err(|error| error.to_string())?;
    let read = match reader {
        Reader::V1 => json::<v1::File>(text)?.try_into(),
        Reader::V2 => json::<v2::File>(text)?.try_into(),
    };
    let mut read: Read = read.map_err(|error: saved::Unreadable| error.to_string())?;
    clean::saved(&mut read.saved);
    Ok((reader, read))
}

fn json<T: serde::de::DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    // It may repeat a word of the file.
    serde_json::from_slice(text).map_err(|error| pull_agent_text::sentence(&error.to_string()))
}
