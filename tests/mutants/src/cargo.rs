//! cargo in the copy of the tree: builds a test binary, runs one test of it.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::list::Test;
use crate::tree::Tree;

/// A build of everything on a small machine takes some minutes.
const BUILD_LIMIT: Duration = Duration::from_secs(3600);
/// No test that catches a bug takes long.
const TEST_LIMIT: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// So many of the last lines of an output are shown.
const SHOWN_LINES: usize = 40;

pub(crate) struct Cargo {
    tree: PathBuf,
    target: PathBuf,
    output: PathBuf,
}

/// What became of one test.
pub(crate) enum Ran {
    Passed,
    /// The test ran and failed; with the end of its output.
    Failed(String),
    /// It was ended after the time limit.
    Hung,
    /// The test did not come to an end of its own, or there is none of this name; with the end of the output.
    Nothing(String),
}

impl Cargo {
    pub(crate) fn new(tree: &Tree) -> Self {
        Self { tree: tree.path("."), target: tree.target(), output: tree.target().join("output.txt") }
    }

    /// Builds the test's binary and what it starts. The inner error is the end of the compiler's words.
    pub(crate) fn build(&self, test: &Test) -> Result<Result<(), String>> {
        let package = test.target.package.as_str();
        let mut builds = vec![
            ["test", "--locked", "--no-run", "-p", package]
                .into_iter()
                .chain(test.target.which.iter().map(String::as_str))
                .collect::<Vec<_>>(),
        ];
        if package == "pull-agent-e2e" {
            // Its tests start the programs of another package, which cargo does not build for them.
            builds.push(vec!["build", "--locked", "-p", package, "-p", "pull-agent", "--bins"]);
        }
        for build in builds {
            let built = self.call(&build, BUILD_LIMIT)?;
            if !built.is_some_and(|status| status.success()) {
                return Ok(Err(self.last_words()?));
            }
        }
        Ok(Ok(()))
    }

    /// Runs the test, and no other one.
    pub(crate) fn run(&self, test: &Test) -> Result<Ran> {
        let mut arguments = vec!["test", "--locked", "-p", &test.target.package];
        arguments.extend(test.target.which.iter().map(String::as_str));
        arguments.extend([test.name.as_str(), "--", "--exact"]);
        let ended = self.call(&arguments, TEST_LIMIT);
        end_strays(&self.target);
        let Some(status) = ended? else { return Ok(Ran::Hung) };
        let output = std::fs::read_to_string(&self.output)?;
        Ok(match (status.success(), counts(&output)) {
            (true, Some((1, 0))) => Ran::Passed,
            (false, Some((0, 1))) => Ran::Failed(self.last_words()?),
            _ => Ran::Nothing(self.last_words()?),
        })
    }

    /// Runs cargo with its output in a file; none when it was ended after its time.
    fn call(&self, arguments: &[&str], limit: Duration) -> Result<Option<ExitStatus>> {
        std::fs::create_dir_all(&self.target)?;
        let output = File::create(&self.output)?;
        let child = Command::new("cargo")
            .args(arguments)
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_TERM_COLOR", "never")
            .env("INSTA_UPDATE", "no")
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .context("cargo cannot be started")?;
        Ok(end_of(child, limit)?)
    }

    fn last_words(&self) -> Result<String> {
        let text = std::fs::read_to_string(&self.output)?;
        let lines: Vec<&str> = text.lines().collect();
        Ok(lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n"))
    }
}

/// Waits for a child that leads its own process group; ends the group when the time is over.
fn end_of(mut child: Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begin.elapsed() > limit {
            killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL)?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Ends the programs of the copy that still run: a step process that a failed test did not wait for, above all.
fn end_strays(target: &Path) {
    for entry in Path::new("/proc").read_dir().into_iter().flatten().flatten() {
        let is_ours = std::fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe.starts_with(target));
        let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let (true, Some(id)) = (is_ours, id) {
            // It may have ended by itself since.
            kill(Pid::from_raw(id), Signal::SIGKILL).ok();
        }
    }
}

/// How many tests passed and failed, by the line "test result: FAILED. 0 passed; 1 failed; …".
fn counts(output: &str) -> Option<(u32, u32)> {
    let result = output.lines().rev().find_map(|line| line.strip_prefix("test result: "))?;
    let number = |word: &str| {
        let before = result.split(word).next()?;
        before.rsplit([' ']).next()?.parse().ok()
    };
    Some((number(" passed")?, number(" failed")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted_by_the_harness_own_line() {
        let line =
            |words: &str| format!("running 1 test\n\ntest result: {words}; 0 ignored; finished in 0.01s\n\n");
        assert_eq!(counts(&line("ok. 1 passed; 0 failed")), Some((1, 0)));
        assert_eq!(counts(&line("FAILED. 0 passed; 1 failed")), Some((0, 1)));
        assert_eq!(counts(&line("ok. 0 passed; 0 failed")), Some((0, 0)));
        assert_eq!(counts("error: test failed, to rerun pass `--lib`\n"), None);
    }
}
