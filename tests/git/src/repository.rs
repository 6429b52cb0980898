//! A repository that grows by the commits that a test asks for.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::process::run;

/// Name of the repository within its root, so of the last part of its URLs.
const NAME: &str = "infra";

/// A repository with a work tree, branch `main`, made by the git program with no configuration but its own.
#[derive(Debug)]
pub struct GitRepo {
    root: TempDir,
}

impl Default for GitRepo {
    fn default() -> Self {
        Self::new()
    }
}

impl GitRepo {
    /// Makes one with a first commit: `flake.nix` and a folder with a file in it.
    ///
    /// # Panics
    /// When git cannot.
    #[must_use]
    pub fn new() -> Self {
        let repo = Self { root: tempfile::tempdir().expect("a temporary folder") };
        std::fs::create_dir(repo.path()).expect("a new folder");
        repo.git(&["init", "--quiet", "--initial-branch=main", "."]);
        repo.git(&["config", "uploadpack.allowFilter", "true"]);
        repo.write("hosts/yggdrasil.nix", "{ }\n");
        repo.commit("flake.nix", "{ outputs = _: { }; }\n", "first commit");
        repo
    }

    /// Folder that servers are given: the repository lies in it.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Folder of the work tree, which is a URL of its own.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.root.path().join(NAME)
    }

    /// Writes a file of the work tree without committing it.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a new folder");
        std::fs::write(path, content).expect("a new file");
    }

    /// Writes a file, commits everything to the current branch and returns the new commit's id.
    ///
    /// # Panics
    /// When git cannot.
    pub fn commit(&self, name: &str, content: &str, message: &str) -> String {
        self.write(name, content);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.head()
    }

    /// Adds `count` commits to `main` at once, each changing one file, and returns the last one's id.
    ///
    /// # Panics
    /// When git cannot.
    pub fn commits(&self, count: usize) -> String {
        let mut input = String::new();
        for number in 1..=count {
            let content = format!("{number}\n");
            let message = format!("change {number}");
            write!(
                input,
                "commit refs/heads/main\ncommitter Test <test@example.com> {} +0000\ndata {}\n{message}\n{}M 100644 inline n/{}\ndata {}\n{content}\n",
                2_000_000_000 + number,
                message.len(),
                if number == 1 { "from refs/heads/main^0\n" } else { "" },
                number % 7,
                content.len(),
            )
            .expect("a string takes everything");
        }
        let mut child = self
            .command(&["fast-import", "--quiet"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("git is installed");
        child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("git reads its input");
        assert!(child.wait().expect("git ends").success(), "git fast-import failed");
        self.git(&["reset", "--quiet", "--hard", "main"]);
        self.head()
    }

    /// Writes a commit with this text, whatever git thinks of it, puts `main` on it and returns its id.
    ///
    /// # Panics
    /// When git cannot.
    pub fn raw_commit(&self, text: &str) -> String {
        let mut git = self
            .command(&["hash-object", "-t", "commit", "-w", "--literally", "--stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("git is installed");
        git.stdin.take().expect("piped").write_all(text.as_bytes()).expect("git reads");
        let made = git.wait_with_output().expect("git ends");
        let id = String::from_utf8_lossy(&made.stdout).trim().to_owned();
        self.git(&["update-ref", "refs/heads/main", &id]);
        self.git(&["reset", "--quiet", "--hard"]);
        id
    }

    /// Moves the current branch to another commit, as a forced push does.
    ///
    /// # Panics
    /// When git cannot.
    pub fn reset(&self, to: &str) {
        self.git(&["reset", "--quiet", "--hard", to]);
    }

    /// Returns the id of the current commit.
    ///
    /// # Panics
    /// When git cannot.
    #[must_use]
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Drops every object that no ref reaches, as a forge does after a while.
    ///
    /// # Panics
    /// When git cannot.
    pub fn forget_unreachable(&self) {
        self.git(&["reflog", "expire", "--expire=now", "--all"]);
        self.git(&["gc", "--quiet", "--prune=now"]);
    }

    /// Writes a commit anew on top of the current one, as GitHub does for a rebase: author, date and message stay, who
    /// committed it does not.
    ///
    /// # Panics
    /// When git cannot.
    pub fn rewrite(&self, commit: &str) {
        let mut command = self.command(&["cherry-pick", "--allow-empty", commit]);
        run(command.env("GIT_COMMITTER_NAME", "GitHub").env("GIT_COMMITTER_EMAIL", "noreply@github.com"));
    }

    /// Runs git in the repository and returns its output.
    ///
    /// # Panics
    /// When git fails.
    pub fn git(&self, arguments: &[&str]) -> String {
        run(&mut self.command(arguments))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = hermetic("git", self.root.path());
        command.current_dir(self.path()).args(["-c", "gc.auto=0"]).args(arguments);
        command
    }
}

/// A command that sees no configuration of whoever runs the tests.
pub(crate) fn hermetic(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("LC_ALL", "C");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Test").env(format!("GIT_{who}_EMAIL"), "test@example.com");
    }
    command
}
