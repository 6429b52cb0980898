//! Files that hold a secret.

use std::io::{Error, Read as _, Result};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use secrecy::zeroize::Zeroizing;

/// A token that is a JWT has about a thousand bytes; a private key some thousands.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads a file whole, into memory that is cleared. Only a regular one: a named pipe without a writer would keep its reader waiting for ever.
///
/// # Errors
/// Those of the system; and when it is no regular file, is larger than 64 KiB, or is not text.
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>> {
    let file = std::fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Error::other("it is no regular file"));
    }
    // With room for all of it at once: a vector that grows leaves copies behind.
    let room = usize::try_from(metadata.len().min(MAX_BYTES)).unwrap_or_default() + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::other("it is larger than 64 KiB"));
    }
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(Error::other("it is not text"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_of_text_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        assert!(read(&path).expect_err("a pipe").to_string().contains("no regular file"));
        std::fs::remove_file(&path).expect("it was there");
        for (content, word) in [(vec![b'x'; 70_000], "larger"), (vec![0xff], "not text")] {
            std::fs::write(&path, content).expect("written");
            assert!(read(&path).expect_err("refused").to_string().contains(word));
        }
        std::fs::write(&path, "ghs_1\n").expect("written");
        assert_eq!(*read(&path).expect("text"), "ghs_1\n");
    }
}
