//! The driver's own requests, through the proxy: what the description does not allow would be no verdict.

use pull_agent::checks::Checks;
use pull_agent::settings::{Accept, GateApi, GithubApp, GithubGate};
use pull_agent_core::{Revision, VerdictKind};
use pull_agent_forge::{
    APP_KEY, AppSpec, CheckSpec, CommitSpec, Fault, GITHUB_ACTIONS, Kind, PullSpec, RepositorySpec,
    TokenKind, TokenSpec,
};

use super::{Bench, CHECK, REPOSITORY, SHA};

const TOKEN: &str = "ghs_for-the-contract";

pub(crate) async fn check(bench: &Bench) {
    let files = tempfile::tempdir().expect("a temporary directory");
    let token = files.path().join("token");
    std::fs::write(&token, format!("{TOKEN}\n")).expect("written");
    bench.forge.world().put_token(TokenSpec {
        token: TOKEN.to_owned(),
        kind: TokenKind::Classic,
        permissions: None,
        repositories: None,
        expired: false,
    });
    let private =
        RepositorySpec { repository: REPOSITORY.to_owned(), private: true, known_commits_only: false };
    bench.forge.world().put_repository(private);
    let gate = GithubGate {
        app_id: Some(GITHUB_ACTIONS),
        token_file: Some(token),
        ..super::gate(bench.proxy.url(), REPOSITORY)
    };
    life_of_a_check(bench, &gate).await;
    pull_request(bench, &gate).await;
    pages(bench, &gate).await;
    jobs(bench, &gate).await;
    head(bench, &gate).await;
    app(bench, &gate).await;
    trouble(bench, &gate).await;
}

/// Where the branch is.
async fn head(bench: &Bench, gate: &GithubGate) {
    bench.forge.world().put_commit(CommitSpec {
        repository: REPOSITORY.to_owned(),
        revision: SHA.to_owned(),
        refs: vec!["heads/main".to_owned()],
        ..CommitSpec::default()
    });
    let head = Checks::new(gate).expect("good settings").head().await.expect("an answer");
    assert_eq!(head.as_ref().map(Revision::as_str), Some(SHA));
}

/// A GitHub App gets its token, and what it is refused without one comes through.
async fn app(bench: &Bench, gate: &GithubGate) {
    let permissions = Some(vec!["checks".to_owned()]);
    let spec = AppSpec { id: 12, installation_id: 34, permissions, token_seconds: 3600, suspended: false };
    bench.forge.world().apps.push(spec);
    let key = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(key.path(), APP_KEY).expect("written");
    let app = |id| Some(GithubApp { id, installation_id: 34, private_key_file: key.path().to_owned() });
    let by_app = |id| {
        Checks::new(&GithubGate { app: app(id), token_file: None, ..gate.clone() }).expect("good settings")
    };
    expect(&by_app(12), VerdictKind::Green, "passed").await;
    expect(&by_app(13), VerdictKind::Unavailable, "Integration not found").await;
}

/// The same check by the API of GitHub Actions, and two workflows told apart.
async fn jobs(bench: &Bench, gate: &GithubGate) {
    let by_jobs = Checks::new(&GithubGate { api: GateApi::Actions, ..gate.clone() }).expect("good settings");
    let by_runs = Checks::new(gate).expect("good settings");
    bench.forge.world().remove_checks(REPOSITORY, SHA, None);
    let run =
        |conclusion| CheckSpec::new(REPOSITORY, SHA, CHECK).status("completed").conclusion(Some(conclusion));
    bench.forge.put_check(&run("failure").suite("nightly").workflow(".github/workflows/nightly.yml"));
    expect(&by_jobs, VerdictKind::Red, "ended in failure").await;
    bench.forge.put_check(&run("success").started_at("2099-01-01T00:00:00Z"));
    expect(&by_jobs, VerdictKind::Red, "ended in failure").await;
    expect(&by_runs, VerdictKind::Red, "ended in failure").await;
    bench.forge.put_check(&run("success").suite("nightly"));
    expect(&by_jobs, VerdictKind::Green, "passed").await;
}

/// Missing, running, the same again (304), red, and green after a re-run.
async fn life_of_a_check(bench: &Bench, gate: &GithubGate) {
    let checks = Checks::new(gate).expect("good settings");
    let any_app = Checks::new(&GithubGate { app_id: None, ..gate.clone() }).expect("good settings");
    expect(&checks, VerdictKind::Pending, "missing").await;
    bench.forge.set_check(REPOSITORY, SHA, CHECK, "in_progress", None);
    expect(&checks, VerdictKind::Pending, "in progress").await;
    expect(&checks, VerdictKind::Pending, "in progress").await;
    bench.forge.set_check(REPOSITORY, SHA, CHECK, "completed", Some("failure"));
    expect(&checks, VerdictKind::Red, "ended in failure").await;
    bench.forge.set_check(REPOSITORY, SHA, CHECK, "completed", Some("success"));
    expect(&checks, VerdictKind::Green, "passed").await;
    expect(&any_app, VerdictKind::Green, "passed").await;
    let stats = checks.stats();
    assert_eq!(stats.requests.get("304"), Some(&1), "{stats:?}");
    assert!(stats.ratelimit_remaining.is_some(), "{stats:?}");
}

/// What a commit's pull request says of it.
async fn pull_request(bench: &Bench, gate: &GithubGate) {
    let (merged, head) = ("1".repeat(40), "2".repeat(40));
    bench.forge.world().put_pull(PullSpec {
        repository: REPOSITORY.to_owned(),
        number: 70,
        title: "a title".to_owned(),
        head_ref: "feature".to_owned(),
        head_sha: head.clone(),
        base_ref: "main".to_owned(),
        base_sha: "3".repeat(40),
        merge_commit_sha: Some(merged.clone()),
        merged: true,
        commits: Vec::new(),
    });
    bench.forge.set_check(REPOSITORY, &head, CHECK, "completed", Some("success"));
    let checks = Checks::new(&GithubGate { accept: Accept::Proven, ..gate.clone() }).expect("good settings");
    let asked = checks.ask(&Revision::parse(&merged).expect("an id")).await;
    assert_eq!(asked.verdict.kind, VerdictKind::Unproven, "{asked:?}");
    assert_eq!(asked.passed.map(|pull| (pull.number, pull.head.to_string())), Some((70, head)));
}

/// More than one page, whose addresses name the repository by its number.
async fn pages(bench: &Bench, gate: &GithubGate) {
    for n in 0..120 {
        bench.forge.set_check(REPOSITORY, SHA, &format!("other {n}"), "completed", Some("success"));
    }
    let names = vec![CHECK.to_owned(), "other 119".to_owned()];
    let checks = Checks::new(&GithubGate { checks: names, ..gate.clone() }).expect("good settings");
    expect(&checks, VerdictKind::Green, "2 of 2").await;
    expect(&checks, VerdictKind::Green, "2 of 2").await;
    let stats = checks.stats().requests;
    assert_eq!(stats, [("200".to_owned(), 2), ("304".to_owned(), 2)].into());
}

/// What the forge refuses comes through as it is.
async fn trouble(bench: &Bench, gate: &GithubGate) {
    let checks = Checks::new(gate).expect("good settings");
    bench.forge.fault(Fault::once(Kind::Secondary { status: 403, retry_after: "9".to_owned() }));
    expect(&checks, VerdictKind::Unavailable, "asked again in 9 s").await;
    bench.forge.fault(Fault::once(Kind::Status { status: 503, headers: Vec::new() }));
    expect(&checks, VerdictKind::Unavailable, "503 Service Unavailable").await;
    let anonymous = Checks::new(&GithubGate { token_file: None, ..gate.clone() }).expect("good settings");
    expect(&anonymous, VerdictKind::Unavailable, "404 Not Found").await;
    expect(&checks, VerdictKind::Green, "passed").await;
}

async fn expect(checks: &Checks, kind: VerdictKind, words: &str) {
    let verdict = checks.ask(&Revision::parse(SHA).expect("an id")).await.verdict;
    assert_eq!(verdict.kind, kind, "{verdict:?}");
    assert!(verdict.detail.contains(words), "{verdict:?}");
}
