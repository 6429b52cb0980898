//! The repository that the host follows: a bare one that is served, and a working copy that pushes to it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A bare repository with branch `main`, and the working copy of whoever commits.
#[derive(Debug)]
pub struct Repository {
    root: PathBuf,
}

impl Repository {
    /// Makes an empty one below this folder.
    pub(crate) fn new(root: &Path) -> Self {
        let repository = Self { root: root.to_owned() };
        for folder in [repository.bare(), repository.clone_folder()] {
            std::fs::create_dir_all(&folder).expect("a new folder");
        }
        repository.run(&repository.bare(), &["init", "--quiet", "--bare", "--initial-branch=main"]);
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        let bare = repository.bare();
        repository.git(&["remote", "add", "origin", &bare.display().to_string()]);
        repository.write("flake.nix", "{ outputs = _: { }; }\n");
        repository
    }

    /// Folder of the bare repository, which is a URL of its own.
    #[must_use]
    pub fn bare(&self) -> PathBuf {
        self.root.join("infra.git")
    }

    fn clone_folder(&self) -> PathBuf {
        self.root.join("clone")
    }

    /// Writes a file of the working copy.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.clone_folder().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a new folder");
        std::fs::write(path, content).expect("a new file");
    }

    /// Commits everything without pushing, and returns the new revision.
    ///
    /// # Panics
    /// When git cannot.
    pub fn commit(&self, subject: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", subject]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Pushes the working copy's main, by force if need be.
    ///
    /// # Panics
    /// When git cannot.
    pub fn push(&self) {
        self.git(&["push", "--quiet", "--force", "origin", "HEAD:main"]);
    }

    /// Puts the working copy on another revision: what is committed next forks off there.
    ///
    /// # Panics
    /// When git cannot.
    pub fn go_to(&self, revision: &str) {
        self.git(&["reset", "--quiet", "--hard", revision]);
    }

    /// Runs git in the working copy and returns its output.
    ///
    /// # Panics
    /// When it fails.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.run(&self.clone_folder(), arguments)
    }

    fn run(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.root)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs([("GIT_AUTHOR_NAME", "poby"), ("GIT_AUTHOR_EMAIL", "poby@example.org")])
            .envs([("GIT_COMMITTER_NAME", "poby"), ("GIT_COMMITTER_EMAIL", "poby@example.org")])
            .current_dir(folder)
            .args(["-c", "gc.auto=0"])
            .args(arguments)
            .output()
            .expect("git is installed");
        assert!(
            output.status.success(),
            "git {arguments:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}
