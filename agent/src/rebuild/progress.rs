//! How far a build is, from the records that nix writes with `json-log-path` (nix ≥ 2.30): one JSON object in a line. nix
//! appends to the file; it is read as it grows and emptied when it becomes long. A record that is lost or unknown costs
//! some accuracy and nothing else. Numbers of activities and results: `src/libutil/include/nix/util/logging.hh` of nix.

mod sums;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use pull_agent_protocol::Progress;

use super::Rebuild;
use crate::process::call;
use sums::Sums;

/// A file that was read and is longer than this is emptied, in bytes.
const EMPTY_AT: u64 = 8 << 20;

/// A longer record is skipped, in bytes; one with a line of a build log has no limit of its own.
const RECORD: usize = 64 << 10;

/// At most so much is read at one look, in bytes.
const PART: u64 = 16 << 20;

/// The first version of nix with `json-log-path`.
const SINCE: (u32, u32) = (2, 30);

/// `nix --version` answers at once.
const ANSWER: Duration = Duration::from_secs(30);

/// Reads the records of one build.
pub(super) struct Reader {
    file: PathBuf,
    /// So many bytes are read.
    position: u64,
    /// The begin of a record whose end is not there yet; none while a record is skipped.
    begun: Option<Vec<u8>>,
    sums: Sums,
}

impl Reader {
    /// Starts at the beginning: the records of a build that runs already are read again.
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file, position: 0, begun: Some(Vec::new()), sums: Sums::default() }
    }

    /// Returns how far the build is; none as long as nix has said nothing.
    pub(super) fn progress(&self) -> Option<Progress> {
        self.sums.progress()
    }

    /// Reads what came since. Blocks for as long as the disk takes.
    pub(super) fn read(&mut self) {
        if let Err(error) = self.try_read()
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::debug!(file = %self.file.display(), %error, "nix's records cannot be read");
        }
    }

    fn try_read(&mut self) -> std::io::Result<()> {
        let mut opened = File::open(&self.file)?;
        if opened.metadata()?.len() < self.position {
            self.position = 0;
        }
        opened.seek(SeekFrom::Start(self.position))?;
        let mut part = opened.take(PART);
        let mut buffer = [0; 16 << 10];
        loop {
            let length = part.read(&mut buffer)?;
            if length == 0 {
                break;
            }
            self.position += length as u64;
            self.feed(&buffer[..length]);
        }
        if self.position > EMPTY_AT && part.limit() > 0 {
            // nix appends, so it goes on at the new end.
            OpenOptions::new().write(true).open(&self.file)?.set_len(0)?;
            self.position = 0;
        }
        Ok(())
    }

    fn feed(&mut self, text: &[u8]) {
        let mut lines = text.split(|byte| *byte == b'\n');
        let Some(first) = lines.next() else { return };
        self.add(first);
        for line in lines {
            if let Some(record) = self.begun.replace(Vec::new()) {
                self.sums.record(&record);
            }
            self.add(line);
        }
    }

    fn add(&mut self, text: &[u8]) {
        match &mut self.begun {
            Some(begun) if begun.len() + text.len() <= RECORD => begun.extend_from_slice(text),
            Some(_) => self.begun = None,
            None => {}
        }
    }
}

impl Rebuild {
    /// Whether nix writes records; asked until nix has answered once.
    pub(super) async fn has_progress(&self) -> bool {
        let ask = async || {
            let done = call(&["nix", "--version"], &self.inner.environment, ANSWER).await.map_err(drop)?;
            let text = String::from_utf8_lossy(&done.stdout).into_owned();
            if done.status.success() {
                Ok(version(&text).is_some_and(|found| found >= SINCE))
            } else {
                Err(())
            }
        };
        self.inner.has_progress.get_or_try_init(ask).await.is_ok_and(|has| *has)
    }
}

/// Reads `nix (Nix) 2.34.8`. Other programs of that name count their versions in another way.
fn version(text: &str) -> Option<(u32, u32)> {
    if text.contains("Lix") {
        return None;
    }
    let number = text.lines().next()?.split_whitespace().last()?;
    let mut parts = number.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor: String = parts.next()?.chars().take_while(char::is_ascii_digit).collect();
    Some((major, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn versions() {
        assert_eq!(version("nix (Nix) 2.34.8\n"), Some((2, 34)));
        assert_eq!(version("nix (Nix) 2.30pre20250601_abc\n"), Some((2, 30)));
        assert_eq!(version("nix (Determinate Nix 3.6.0) 2.29.0\n"), Some((2, 29)));
        assert_eq!(version("nix (Lix, like Nix) 2.93.0\n"), None);
        assert_eq!(version("what\n"), None);
    }

    #[test]
    fn records_are_read_in_parts_and_the_file_is_emptied() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("records");
        let mut nix = OpenOptions::new().append(true).create(true).open(&file).expect("opened");
        let mut reader = Reader::new(file.clone());
        reader.read();
        nix.write_all(br#"{"action":"start","id":1,"level":0,"type":104,"text":""}"#).expect("written");
        reader.read();
        assert_eq!(reader.progress(), None, "the record has no end yet");
        nix.write_all(b"\n{\"action\":\"result\",\"id\":1,\"type\":105,\"fie").expect("written");
        reader.read();
        nix.write_all(b"lds\":[1,3,1,0]}\n").expect("written");
        reader.read();
        assert_eq!(reader.progress().map(|it| (it.builds.done, it.builds.expected)), Some((1, 3)));
        nix.write_all(&vec![b'x'; 9 << 20]).expect("written");
        reader.read();
        assert_eq!(file.metadata().expect("there").len(), 0);
        nix.write_all(b"\n{\"action\":\"result\",\"id\":1,\"type\":105,\"fields\":[2,3,1,0]}\n")
            .expect("written");
        reader.read();
        assert_eq!(reader.progress().map(|it| (it.builds.done, it.builds.expected)), Some((2, 3)));
    }
}
