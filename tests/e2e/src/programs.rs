//! Where the programs are: built beside this test, found by the test's own place.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::SystemTime;

/// Path of `pull-agent`.
#[must_use]
pub fn pull_agent() -> &'static Path {
    static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
        find("pull-agent", &["agent/src", "agent/core/src", "agent/text/src", "protocol/src"])
    });
    &PATH
}

/// Path of `agentctl`.
#[must_use]
pub fn agentctl() -> &'static Path {
    static PATH: LazyLock<PathBuf> =
        LazyLock::new(|| find("agentctl", &["agent/ctl/src", "agent/text/src", "protocol/src"]));
    &PATH
}

/// Root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
    });
    &PATH
}

/// The test is `target/<profile>/deps/it-<hash>`, the programs lie in `target/<profile>`. One that is older than what it
/// is built from is no program to test.
fn find(name: &str, sources: &[&str]) -> PathBuf {
    let own = std::env::current_exe().expect("a process has a program");
    let folder = own.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let program = folder.join(name);
    let built = modified(&program);
    assert!(
        built.is_some(),
        "{} is not built: cargo test builds the programs of other packages only with --workspace; \
         run `cargo build --workspace --bins` first",
        program.display()
    );
    for source in sources {
        let (newest, path) = newest(&workspace().join(source));
        assert!(
            Some(newest) <= built,
            "{} is older than {}: run `cargo build --workspace --bins` first",
            program.display(),
            path.display()
        );
    }
    program
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// The newest source file below a folder; unit tests are no part of the program.
fn newest(folder: &Path) -> (SystemTime, PathBuf) {
    let mut newest = (SystemTime::UNIX_EPOCH, folder.to_owned());
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        let found = match path.file_name().and_then(|name| name.to_str()) {
            Some("tests" | "tests.rs") | None => continue,
            Some(_) if path.is_dir() => self::newest(&path),
            Some(_) => (modified(&path).unwrap_or(SystemTime::UNIX_EPOCH), path),
        };
        if found.0 > newest.0 {
            newest = found;
        }
    }
    newest
}
