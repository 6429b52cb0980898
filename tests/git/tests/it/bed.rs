//! What every test needs: a repository, a clone's place, and the agent's calls with short names.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pull_agent::git::{FetchError, PollError, Poller, fetch};
use pull_agent::settings::Source;
use pull_agent_core::{Ancestry, Fetched, Revision};
use pull_agent_git_tests::{GitRepo, HttpServer, run};
use tempfile::TempDir;

/// For what must end well however busy the machine is.
pub(crate) const PATIENT: Duration = Duration::from_secs(300);

/// What a server says that echoes the token of [`Bed::token_file`], as it is and as it was sent.
pub(crate) const ECHO: &str = "you sent ghs_secret as Basic eC1hY2Nlc3MtdG9rZW46Z2hzX3NlY3JldA==";

/// The agent's fetch child.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_fetch-child"))
}

/// An origin, a web server over it, and a place for the clone.
pub(crate) struct Bed {
    pub(crate) origin: GitRepo,
    pub(crate) server: HttpServer,
    state: TempDir,
    pub(crate) source: Source,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let origin = GitRepo::new();
        let server = HttpServer::start(origin.root());
        let source = source(&server.url("infra"));
        Self { origin, server, state: tempfile::tempdir().expect("a temporary folder"), source }
    }

    /// What the agent calls `<state>/repo`.
    pub(crate) fn repository(&self) -> PathBuf {
        self.state.path().join("repo")
    }

    pub(crate) fn git_dir(&self) -> PathBuf {
        self.repository().join(".git")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.state.path().join(name)
    }

    /// A new file with a token.
    pub(crate) fn token_file(&self) -> PathBuf {
        let path = self.path("token");
        std::fs::write(&path, "ghs_secret\n").expect("a new file");
        path
    }

    pub(crate) async fn fetch(&self, tip: &str, deployed: Option<&str>) -> Result<Fetched, FetchError> {
        self.fetch_holding(tip, deployed, &[]).await
    }

    pub(crate) async fn fetch_holding(
        &self,
        tip: &str,
        deployed: Option<&str>,
        held: &[&str],
    ) -> Result<Fetched, FetchError> {
        let deployed = deployed.map(revision);
        let held: Vec<_> = held.iter().map(|id| revision(id)).collect();
        fetch(program(), &self.source, None, &self.repository(), &revision(tip), deployed.as_ref(), &held)
            .await
    }

    /// Fetches and returns where the tip stands; fails the test when the fetch fails, or the clone is not whole after.
    pub(crate) async fn ancestry(&self, tip: &str, deployed: Option<&str>) -> Ancestry {
        let fetched = self.fetch(tip, deployed).await.unwrap_or_else(|error| panic!("{}", told(&error)));
        self.assert_readable(tip);
        fetched.ancestry
    }

    /// Fails a fetch and returns the whole sentence.
    pub(crate) async fn fetch_error(&self, tip: &str, deployed: Option<&str>) -> String {
        told(&self.fetch(tip, deployed).await.expect_err("the fetch must fail"))
    }

    /// A request as the agent writes it to its child.
    pub(crate) fn request(&self, tip: &str, deployed: Option<&str>, max_history: u64) -> String {
        let deployed = deployed.map_or("null".to_owned(), |id| format!("\"{id}\""));
        format!(
            "{{\"Fetch\":{{\"remote\":{{\"url\":\"{}\",\"branch\":\"main\",\"timeout\":{{\"secs\":300,\"nanos\":0}}}},\
             \"repository\":\"{}\",\"revision\":\"{tip}\",\"deployed\":{deployed},\"held\":[],\"max_history\":{max_history}}}}}\n",
            self.source.url,
            self.repository().display(),
        )
    }

    /// Runs the child with a request and returns its answer as it is.
    pub(crate) fn ask_child(&self, request: &str) -> String {
        let mut command = Command::new(program());
        let mut child = command
            .arg("fetch")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(request.as_bytes()).expect("the child reads");
        let mut answer = String::new();
        child.stdout.take().expect("piped").read_to_string(&mut answer).expect("an answer");
        drop(stdin);
        child.wait().expect("the child ends");
        answer
    }

    /// The clone as the git program sees it.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        run(Command::new("git").arg("--git-dir").arg(self.git_dir()).args(arguments))
    }

    /// The branch is at the tip, all its files are there, and nothing is left over.
    pub(crate) fn assert_readable(&self, tip: &str) {
        assert_eq!(self.git(&["rev-parse", &format!("refs/heads/{}", self.source.branch)]), tip);
        let files = self.git(&["ls-tree", "-r", tip]);
        assert!(!files.is_empty(), "a commit without files");
        for line in files.lines() {
            let id = line.split_whitespace().nth(2).expect("mode, type, id");
            self.git(&["cat-file", "-e", id]);
        }
        // Any history that is not there has its end in the list of shallow commits.
        self.git(&["fsck", "--no-dangling", "--no-progress"]);
        self.assert_nothing_left_over();
    }

    pub(crate) fn assert_nothing_left_over(&self) {
        let found = left_overs(&self.repository());
        assert!(found.is_empty(), "left over: {found:?}");
    }

    /// Lines of the list of shallow commits.
    pub(crate) fn shallow(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.git_dir().join("shallow")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// Lock files, temporary and kept packs, half-made clones.
pub(crate) fn left_overs(repository: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![repository.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let own_lock = path == repository.join(".lock");
            let left = [".git.new", ".git.beside"].contains(&name.as_str())
                || name.starts_with(".tmp")
                || [".lock", ".keep"].iter().any(|end| name.ends_with(end))
                || name == "pull-agent.shallow";
            if left && !own_lock {
                found.push(path);
            } else if path.is_dir() {
                todo.push(path);
            }
        }
    }
    found
}

pub(crate) fn source(url: &str) -> Source {
    Source {
        url: url.to_owned(),
        branch: "main".to_owned(),
        directory: ".".to_owned(),
        poll_interval: Duration::from_secs(60),
        timeout: PATIENT,
        token_file: None,
        ssh_key_file: None,
        known_hosts_file: None,
        ca_file: None,
    }
}

pub(crate) fn revision(text: &str) -> Revision {
    Revision::parse(text).expect("a full commit id")
}

pub(crate) async fn poll(source: &Source) -> Result<String, PollError> {
    Poller::new(source, program()).with_limit(PATIENT).poll().await.map(|revision| revision.to_string())
}

/// Polls once and returns the whole sentence of the failure.
pub(crate) async fn poll_error(source: &Source) -> String {
    told(&poll(source).await.expect_err("the poll must fail"))
}

/// An error as the operator reads it.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    pull_agent::error::chain(error)
}

#[track_caller]
pub(crate) fn assert_contains(text: &str, part: &str) {
    assert!(text.contains(part), "{part:?} is not in {text:?}");
}

/// The sentence of a tip that is no descendant.
#[track_caller]
pub(crate) fn refusal(ancestry: Ancestry) -> String {
    let Ancestry::NotDescendant(sentence) = ancestry else { panic!("{ancestry:?} is no refusal") };
    sentence
}
