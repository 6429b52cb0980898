//! Answers that GitHub once gave, and what the driver makes of them. `recorded.py` picks them out of the package of
//! another client, whose tests ship them.

use std::collections::BTreeMap;
use std::path::Path;

use pull_agent::checks::{Asked, Checks};
use pull_agent::settings::{Accept, GateApi, GithubApp, GithubGate};
use pull_agent_core::{Revision, VerdictKind};
use pull_agent_forge::{APP_KEY, CheckSpec, Fault, Forge, GITHUB_ACTIONS, Kind};
use serde::Deserialize;

use VerdictKind::{Green, Pending, Red, Unavailable, Unproven};

const REPOSITORY: &str = "PyGithub/PyGithub";
const COMMIT: &str = "10a7135a04f71e6101f8b013aded8a662d08fd1f";
const FOUR_RUNS: &str = "CheckRun.testGetCheckRunsForRef.txt";

/// Header fields of a connection, not of an answer.
const OF_THE_CONNECTION: [&str; 4] =
    ["connection", "content-encoding", "content-length", "transfer-encoding"];

/// One answer.
#[derive(Clone, Debug, Deserialize)]
struct Recorded {
    file: String,
    path: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// All of them.
struct Shelf(Vec<Recorded>);

impl Shelf {
    fn read() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("recorded/answers.json");
        let text = std::fs::read_to_string(file).expect("tests/contract/run.sh makes it");
        Self(serde_json::from_str(&text).expect("what recorded.py writes"))
    }

    /// The one of this file whose address ends so.
    fn one(&self, file: &str, end: &str) -> &Recorded {
        let found = self.0.iter().find(|it| it.file == file && it.path.ends_with(end));
        found.unwrap_or_else(|| panic!("no {end} in {file}"))
    }
}

/// A stand-in that gives recorded answers, and the settings to ask it.
struct Desk {
    forge: Forge,
    gate: GithubGate,
    key: tempfile::NamedTempFile,
}

impl Desk {
    async fn new() -> Self {
        let forge = Forge::start().await.expect("a port");
        let key = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(key.path(), APP_KEY).expect("written");
        let gate = GithubGate {
            branch: "master".to_owned(),
            checks: vec!["test (Python 3.8)".to_owned()],
            app_id: Some(GITHUB_ACTIONS),
            ..super::gate(&forge.url(), REPOSITORY)
        };
        Self { forge, gate, key }
    }

    /// Answers this to every request whose address holds the words.
    fn answers(&self, on: &str, recorded: &Recorded) -> &Self {
        let headers = recorded.headers.iter();
        let headers = headers.filter(|(name, _)| !OF_THE_CONNECTION.contains(&name.to_lowercase().as_str()));
        let here = |value: &String| value.replace("https://api.github.com", &self.forge.url());
        let kind = Kind::Verbatim {
            status: recorded.status,
            headers: headers.map(|(name, value)| (name.clone(), here(value))).collect(),
            body: recorded.body.clone(),
        };
        self.forge.fault(Fault::always(kind).on(on));
        self
    }

    async fn ask(&self, gate: &GithubGate, revision: &str) -> Asked {
        let revision = Revision::parse(revision).expect("an id");
        Checks::new(gate).expect("good settings").ask(&revision).await
    }

    async fn expect(&self, gate: &GithubGate, revision: &str, kind: VerdictKind, words: &str) {
        let verdict = self.ask(gate, revision).await.verdict;
        assert_eq!(verdict.kind, kind, "{words}: {verdict:?}");
        assert!(verdict.detail.contains(words), "{words}: {verdict:?}");
        self.forge.clear_faults();
    }

    fn named(&self, checks: &[&str]) -> GithubGate {
        GithubGate { checks: checks.iter().map(|name| (*name).to_owned()).collect(), ..self.gate.clone() }
    }
}

#[tokio::test]
#[ignore = "needs the answers that tests/contract/run.sh fetches"]
async fn recorded_answers_give_the_verdict_that_they_should() {
    let (shelf, desk) = (Shelf::read(), Desk::new().await);
    check_runs(&shelf, &desk).await;
    every_list_of_check_runs(&shelf, &desk).await;
    jobs(&shelf, &desk).await;
    pull_requests(&shelf, &desk).await;
    head(&shelf, &desk).await;
    app(&shelf, &desk).await;
    refusals(&shelf, &desk).await;
}

/// Four check runs of one commit, one of which failed.
async fn check_runs(shelf: &Shelf, desk: &Desk) {
    let all = shelf.one(FOUR_RUNS, "/check-runs");
    let passed = desk.named(&["test (Python 3.5)", "test (Python 3.7)", "test (Python 3.8)"]);
    desk.answers("check-runs", all).expect(&passed, COMMIT, Green, "passed").await;
    let failed = desk.named(&["test (Python 3.8)", "test (Python 3.6)"]);
    let words = "test (Python 3.6)";
    desk.answers("check-runs", all).expect(&failed, COMMIT, Red, words).await;
    desk.answers("check-runs", all).expect(&desk.named(&["build"]), COMMIT, Pending, words).await;
    let other_app = GithubGate { app_id: Some(42), ..desk.gate.clone() };
    desk.answers("check-runs", all).expect(&other_app, COMMIT, Pending, "by app 15368").await;
    let other_commit = "20a7135a04f71e6101f8b013aded8a662d08fd1f";
    desk.answers("check-runs", all).expect(&desk.gate, other_commit, Unavailable, COMMIT).await;
}

/// Whatever was asked for, the answer is read; a first page alone is no verdict.
async fn every_list_of_check_runs(shelf: &Shelf, desk: &Desk) {
    let names = desk.named(&["test (Python 3.6)"]);
    let mut verdicts: BTreeMap<String, usize> = BTreeMap::new();
    for recorded in shelf.0.iter().filter(|it| it.path.contains(COMMIT) && it.path.contains("/check-runs")) {
        let verdict = desk.answers("/repos/", recorded).ask(&names, COMMIT).await.verdict;
        *verdicts.entry(format!("{:?}", verdict.kind)).or_default() += 1;
        let partial = recorded.headers.iter().any(|(name, value)| name == "Link" && value.contains("next"));
        assert_eq!(verdict.kind == Unavailable, partial, "{}: {verdict:?}", recorded.path);
        desk.forge.clear_faults();
    }
    let expected = [("Pending", 2), ("Red", 6), ("Unavailable", 4)];
    assert_eq!(verdicts, expected.map(|(kind, count)| (kind.to_owned(), count)).into());
}

/// The jobs of a workflow run, by the API of GitHub Actions.
async fn jobs(shelf: &Shelf, desk: &Desk) {
    let gate = GithubGate { api: GateApi::Actions, ..desk.named(&["test (Python 3.7)"]) };
    let (commit, other) =
        ("06ec040b2eeef6c0316dd5abcda0608525a3f205", "7aab33f4294ba5141f17bed0aeb1a929f7afc155");
    let recorded = shelf.one("WorkflowJob.setUp.txt", "/jobs");
    desk.forge.put_check(&CheckSpec::new(REPOSITORY, commit, "of the stand-in"));
    desk.answers("/jobs", recorded).expect(&gate, commit, Green, "passed").await;
    let runs = shelf.one("PullRequest2408.test_get_workflow_runs.txt", &format!("head_sha={other}"));
    desk.answers("head_sha", runs).answers("/jobs", recorded);
    desk.expect(&gate, other, Unavailable, commit).await;
}

/// A pull request that was merged by squashing, whose check runs hang on its head.
async fn pull_requests(shelf: &Shelf, desk: &Desk) {
    let gate = GithubGate { accept: Accept::Proven, ..desk.gate.clone() };
    let merged = "e44d11d565c022496544dd6ed1f19a8d718c2b0c";
    let head = "21a6dfef170b2bdcf33dda731ad3a3e9681cffbe";
    let run = CheckSpec::new(REPOSITORY, head, "test (Python 3.8)").status("completed");
    desk.forge.put_check(&run.conclusion(Some("success")));
    let pulls = shelf.one("Commit.testGetPulls.txt", "/pulls");
    let asked = desk.answers("/pulls", pulls).ask(&gate, merged).await;
    assert_eq!(asked.verdict.kind, Unproven, "{asked:?}");
    assert_eq!(asked.passed.map(|pull| (pull.number, pull.head.to_string())), Some((1431, head.to_owned())));
    let other_branch = GithubGate { branch: "main".to_owned(), ..gate };
    let asked = desk.ask(&other_branch, merged).await;
    assert_eq!((asked.verdict.kind, asked.passed), (Pending, None), "{:?}", asked.verdict);
    desk.forge.clear_faults();
}

/// Where a branch is.
async fn head(shelf: &Shelf, desk: &Desk) {
    desk.answers("/git/ref/", shelf.one("Repository.testGetGitRef.txt", "/git/ref/heads/master"));
    let head = Checks::new(&desk.gate).expect("good settings").head().await.expect("an answer");
    assert_eq!(head.as_ref().map(Revision::as_str), Some("31110327ec45f3138e58ed247b2cf420fee481ec"));
    desk.forge.clear_faults();
}

/// What an App is told that asks for a token.
async fn app(shelf: &Shelf, desk: &Desk) {
    let app = GithubApp { id: 12, installation_id: 34, private_key_file: desk.key.path().to_owned() };
    let gate = GithubGate { app: Some(app), ..desk.gate.clone() };
    let tokens = |test: &str| shelf.one(&format!("GithubIntegration.{test}.txt"), "/access_tokens");
    desk.answers("/access_tokens", tokens("testGetGithubForInstallation"));
    desk.answers("check-runs", shelf.one(FOUR_RUNS, "/check-runs"));
    desk.expect(&gate, COMMIT, Green, "passed").await;
    for (test, words) in [
        ("testGetAccessTokenForNoInstallation", "Not Found"),
        ("testGetAccessTokenWithExpiredJWT", "'Expiration time' claim ('exp')"),
        ("testGetAccessTokenWithInvalidData", "Problems parsing JSON"),
        ("testGetAccessTokenWithInvalidPermissions", "permissions requested are not granted"),
    ] {
        desk.answers("/access_tokens", tokens(test)).expect(&gate, COMMIT, Unavailable, words).await;
    }
}

/// A refusal is never a verdict, and its own words come through.
async fn refusals(shelf: &Shelf, desk: &Desk) {
    for (test, words) in [
        ("Exceptions.testNonJsonDataReturnedByGithub", "503 Service Unavailable"),
        ("Retry.testRaisesRetryErrorAfterMaxRetries", "502 Bad Gateway"),
        ("SpecificExceptions.testAuthenticatedRateLimitExceeded", "abuse detection"),
        ("SpecificExceptions.testBadCredentials", "401 Unauthorized"),
        ("SpecificExceptions.testRateLimitExceeded", "API Rate Limit Exceeded"),
        ("SpecificExceptions.testUnknownObject", "404 Not Found"),
    ] {
        desk.answers("check-runs", shelf.one(&format!("{test}.txt"), ""));
        desk.expect(&desk.gate, COMMIT, Unavailable, words).await;
    }
    desk.answers("check-runs", shelf.one("SpecificExceptions.testAuthenticatedRateLimitExceeded.txt", ""));
    let limited = desk.ask(&desk.gate, COMMIT).await.verdict;
    assert!(limited.not_before.is_some_and(|wait| wait.0 >= 60_000), "at least a minute: {limited:?}");
    desk.forge.clear_faults();
}
