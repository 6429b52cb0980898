//! Reading the log of a deployment: always a part of bounded length.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// So much of the end of a step's output tells why it failed, in bytes.
const TAIL: u64 = 64 << 10;

/// Returns the end of what was written from `from` on; empty when it cannot be read.
pub(super) fn tail(file: &Path, from: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut opened = File::open(file)?;
        let length = opened.metadata()?.len();
        opened.seek(SeekFrom::Start(from.max(length.saturating_sub(TAIL))))?;
        let mut text = Vec::new();
        opened.take(TAIL).read_to_end(&mut text)?;
        Ok(text)
    };
    match read() {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "the log of a step cannot be read");
            String::new()
        }
    }
}

/// A longer line is looked at in parts, in bytes.
const LINE: u64 = 4 << 10;

/// Whether this line is in what was written from `from` on; not when it cannot be read.
pub(super) fn has_line(file: &Path, from: u64, line: &str) -> bool {
    let search = || -> std::io::Result<bool> {
        let mut opened = BufReader::new(File::open(file)?);
        opened.seek(SeekFrom::Start(from))?;
        let mut found = Vec::new();
        while opened.by_ref().take(LINE).read_until(b'\n', &mut found)? > 0 {
            if found.trim_ascii() == line.as_bytes() {
                return Ok(true);
            }
            found.clear();
        }
        Ok(false)
    };
    search().unwrap_or_else(|error| {
        tracing::warn!(file = %file.display(), %error, "the log of a step cannot be read");
        false
    })
}

/// Returns the length of the log, 0 when there is none.
pub(super) fn length(file: &Path) -> u64 {
    file.metadata().map_or(0, |data| data.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_wherever_it_is_and_only_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("1.log");
        std::fs::write(
            &file,
            format!("it failed\n{}\n  it failed \r\n{}", "x".repeat(5000), "y\n".repeat(99_999)),
        )
        .expect("written");
        assert!(has_line(&file, 0, "it failed"));
        assert!(has_line(&file, 10, "it failed"), "the second one");
        assert!(!has_line(&file, 5020, "it failed"));
        assert!(!has_line(&file, 0, "failed"), "a part of a line");
        assert!(!has_line(&folder.path().join("2.log"), 0, "it failed"));
    }

    #[test]
    fn only_what_came_after_the_start_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("1.log");
        std::fs::write(&file, "before\nafter\n").expect("written");
        assert_eq!(tail(&file, 7), "after\n");
        std::fs::write(&file, "x".repeat(1 << 20) + "end").expect("written");
        let end = tail(&file, 7);
        assert_eq!((end.len(), end.ends_with("xend")), (64 << 10, true));
        assert_eq!(tail(&folder.path().join("2.log"), 0), "");
    }
}
