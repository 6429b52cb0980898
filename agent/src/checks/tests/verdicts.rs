//! What each status and conclusion comes to.

use pull_agent_core::{Evidence, VerdictKind};
use pull_agent_forge::{CheckSpec, RepositorySpec};

use super::*;

async fn one(status: &str, conclusion: Option<&str>, kind: VerdictKind, words: &[&str]) {
    let lab = Lab::new().await;
    lab.set(CHECK, status, conclusion);
    let verdict = lab.ask(&lab.gate()).await;
    expect(&verdict, kind, words);
    assert_eq!(verdict.checks.len(), 1);
    assert_eq!(verdict.checks[0].name, CHECK);
    assert_eq!(verdict.checks[0].status, status);
}

#[tokio::test]
async fn success_is_green_with_its_evidence_and_page() {
    let lab = Lab::new().await;
    lab.green();
    let verdict = lab.ask(&lab.gate()).await;
    expect(&verdict, VerdictKind::Green, &["1 of 1 checks passed"]);
    assert_eq!(verdict.evidence, Some(Evidence::Commit));
    assert_eq!(verdict.not_before, None);
    let check = &verdict.checks[0];
    assert_eq!((check.status.as_str(), check.conclusion.as_deref()), ("completed", Some("success")));
    assert!(
        check.url.as_ref().is_some_and(|url| url.starts_with("https://github.com/poby/infra/")),
        "{check:?}"
    );
}

#[tokio::test]
async fn every_other_conclusion_is_red_and_named() {
    let known = ["failure", "neutral", "cancelled", "skipped", "timed_out", "action_required", "stale"];
    for conclusion in known.into_iter().chain(["startup_failure", "great", "SUCCESS"]) {
        let words = format!("check {CHECK} ended in {conclusion}");
        one("completed", Some(conclusion), VerdictKind::Red, &[&words]).await;
    }
    for odd in ["success ", "success\n", "suc\u{200b}cess"] {
        one("completed", Some(odd), VerdictKind::Red, &[&format!("ended in {odd:?}")]).await;
    }
    one("completed", Some(""), VerdictKind::Red, &["ended without a conclusion"]).await;
    one("completed", None, VerdictKind::Red, &["ended without a conclusion"]).await;
}

#[tokio::test]
async fn a_forge_writes_one_line_of_bounded_length() {
    let lab = Lab::new().await;
    lab.set(CHECK, "completed", Some("failure\nMAINPID=1\u{202e}\u{2028}\u{1b}[2J"));
    let verdict = lab.ask(&lab.gate()).await;
    expect(&verdict, VerdictKind::Red, &["ended in failure MAINPID=1"]);
    assert_eq!(verdict.checks[0].conclusion.as_deref(), Some("failure MAINPID=1"));
    assert!(verdict.detail.ends_with("MAINPID=1"), "{:?}", verdict.detail);

    lab.set(CHECK, &"x".repeat(9000), Some(&"y".repeat(9000)));
    let verdict = lab.ask(&lab.gate()).await;
    assert_eq!(verdict.checks[0].status.chars().count(), 500);
    assert!(verdict.detail.chars().count() < 600, "{}", verdict.detail.len());
    lab.set(CHECK, "completed", Some(&"y".repeat(9000)));
    let verdict = lab.ask(&lab.gate()).await;
    assert_eq!(verdict.checks[0].conclusion.as_ref().map(|text| text.chars().count()), Some(500));
    assert!(verdict.detail.chars().count() < 600, "{}", verdict.detail.len());
}

#[tokio::test]
async fn what_is_not_completed_is_pending() {
    for status in ["queued", "waiting", "requested", "pending", "somehow"] {
        one(status, None, VerdictKind::Pending, &[&format!("1 of 1 checks {status}")]).await;
    }
    one("in_progress", None, VerdictKind::Pending, &["1 of 1 checks in progress"]).await;
    // A conclusion of what is not done says nothing.
    one("in_progress", Some("success"), VerdictKind::Pending, &["1 of 1 checks in progress"]).await;
}

#[tokio::test]
async fn an_absent_check_is_pending_and_missing() {
    let lab = Lab::new().await;
    lab.set("another", "completed", Some("success"));
    let verdict = lab.ask(&lab.gate()).await;
    expect(&verdict, VerdictKind::Pending, &["1 of 1 checks missing", CHECK, "app 15368"]);
    assert_eq!(verdict.checks[0].status, "missing");
    assert_eq!(verdict.checks[0].conclusion, None);
}

#[tokio::test]
async fn a_missing_check_is_told_with_those_that_are_there() {
    let lab = Lab::new().await;
    lab.forge.set_check(REPOSITORY, &SHA.replace("aa", "bb"), CHECK, "completed", Some("success"));
    expect(&lab.ask(&lab.gate()).await, VerdictKind::Pending, &["missing", "there are none at all yet"]);
    lab.forge.put_check(&CheckSpec::new(REPOSITORY, SHA, CHECK).conclusion(Some("success")).app(42));
    lab.set("ci / build (yggdrasil)", "completed", Some("success"));
    let words = ["missing", "app 15368", "there are `build (yggdrasil)` by app 42, `ci / build (yggdrasil)`"];
    expect(&lab.ask(&lab.gate()).await, VerdictKind::Pending, &words);
    for number in 0..9 {
        lab.set(&format!("test {number}"), "queued", None);
    }
    expect(&lab.ask(&lab.gate()).await, VerdictKind::Pending, &["`test 2` and 6 more"]);
}

#[tokio::test]
async fn when_the_rate_limit_is_short_only_what_must_be_is_asked() {
    let lab = Lab::new().await;
    lab.set("another", "completed", Some("success"));
    let limit = pull_agent_forge::RateLimitSpec { limit: 60, remaining: 20, reset_in: 600 };
    lab.forge.world().put_rate_limit(limit);
    let verdict = lab.ask(&lab.gate()).await;
    expect(&verdict, VerdictKind::Pending, &["missing"]);
    assert!(!verdict.detail.contains("another"), "{}", verdict.detail);
    assert_eq!(lab.forge.requests().len(), 1);
}

#[tokio::test]
async fn a_check_of_another_commit_does_not_count() {
    let lab = Lab::new().await;
    lab.forge.set_check(REPOSITORY, &SHA.replace("aa", "bb"), CHECK, "completed", Some("success"));
    expect(&lab.ask(&lab.gate()).await, VerdictKind::Pending, &["missing"]);
}

#[tokio::test]
async fn a_check_of_another_app_does_not_count() {
    let lab = Lab::new().await;
    let spec = CheckSpec::new(REPOSITORY, SHA, CHECK).conclusion(Some("success"));
    lab.forge.put_check(&spec.clone().app(42));
    lab.forge.put_check(&spec.clone().app(0));
    expect(&lab.ask(&lab.gate()).await, VerdictKind::Pending, &["missing"]);
    let gate = GithubGate { app_id: None, ..lab.gate() };
    expect(&lab.ask(&gate).await, VerdictKind::Green, &[]);
}

#[tokio::test]
async fn every_named_check_counts_and_red_is_worse_than_pending() {
    let lab = Lab::new().await;
    let gate = GithubGate { checks: vec!["a".to_owned(), "b".to_owned(), "c".to_owned()], ..lab.gate() };
    lab.set("a", "completed", Some("success"));
    lab.set("b", "in_progress", None);
    expect(&lab.ask(&gate).await, VerdictKind::Pending, &["1 of 3 checks in progress, 1 missing", "named c"]);
    lab.set("c", "completed", Some("timed_out"));
    let verdict = lab.ask(&gate).await;
    expect(&verdict, VerdictKind::Red, &["check c ended in timed_out"]);
    assert_eq!(verdict.checks.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    lab.set("b", "completed", Some("success"));
    lab.set("c", "completed", Some("success"));
    expect(&lab.ask(&gate).await, VerdictKind::Green, &["3 of 3 checks passed"]);
}

#[tokio::test]
async fn a_commit_that_the_forge_does_not_have_yet_is_pending() {
    let lab = Lab::new().await;
    lab.forge.world().put_repository(RepositorySpec {
        repository: REPOSITORY.to_owned(),
        private: false,
        known_commits_only: true,
    });
    for accept in [Accept::Commit, Accept::Proven, Accept::Merged] {
        let verdict = lab.ask(&GithubGate { accept, ..lab.gate() }).await;
        expect(&verdict, VerdictKind::Pending, &["422 Unprocessable Entity", "No commit found"]);
        assert_eq!(verdict.checks[0].status, "missing");
    }
}

#[test]
fn settings_without_a_check_are_refused() {
    let gate = GithubGate { checks: Vec::new(), ..gate() };
    let error = Checks::new(&gate).expect_err("nothing would prove anything").to_string();
    assert!(error.contains("gate.checks"), "{error}");
}

#[test]
fn settings_without_a_place_to_ask_are_refused() {
    for (api_url, repository, word) in [
        ("ftp://example.com", REPOSITORY, "gate.api_url"),
        ("example.com", REPOSITORY, "gate.api_url"),
        ("https://example.com", "infra", "gate.repository"),
        ("https://example.com", "/infra", "gate.repository"),
        ("https://example.com", "a/b/c", "gate.repository"),
    ] {
        let gate = GithubGate { api_url: api_url.to_owned(), repository: repository.to_owned(), ..gate() };
        let error = Checks::new(&gate).expect_err(api_url).to_string();
        assert!(error.contains(word), "{error}");
    }
}

fn gate() -> GithubGate {
    GithubGate {
        api_url: "https://api.github.com".to_owned(),
        repository: REPOSITORY.to_owned(),
        branch: "main".to_owned(),
        checks: vec![CHECK.to_owned()],
        app_id: None,
        accept: Accept::Commit,
        api: GateApi::Auto,
        app: None,
        newest_green_after: None,
        max_age: Duration::from_secs(600),
        timeout: Duration::ZERO,
        token_file: None,
        ca_file: None,
    }
}
