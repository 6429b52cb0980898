//! Tokens and permissions.

use pull_agent_core::VerdictKind::{Green, Unavailable};
use pull_agent_forge::{Fault, Kind, RepositorySpec, TokenKind, TokenSpec};

use super::*;

const TOKEN: &str = "ghs_never-to-be-seen";

fn token(kind: TokenKind) -> TokenSpec {
    TokenSpec { token: TOKEN.to_owned(), kind, permissions: None, repositories: None, expired: false }
}

async fn private(token: Option<TokenSpec>) -> Lab {
    let lab = Lab::new().await;
    let repository =
        RepositorySpec { repository: REPOSITORY.to_owned(), private: true, known_commits_only: false };
    lab.forge.world().put_repository(repository);
    if let Some(token) = token {
        lab.forge.world().put_token(token);
    }
    lab.green();
    lab
}

fn with_token(lab: &Lab, content: &str) -> GithubGate {
    GithubGate { token_file: Some(lab.file("token", content)), ..lab.gate() }
}

#[tokio::test]
async fn the_token_goes_with_the_fields_that_github_wants() {
    let lab = private(Some(token(TokenKind::App))).await;
    expect(&lab.ask(&with_token(&lab, &format!("{TOKEN}\n"))).await, Green, &[]);
    let requests = lab.forge.requests();
    assert_eq!(requests.len(), 1);
    let seen = &requests[0];
    assert_eq!(seen.token.as_deref(), Some(TOKEN));
    assert_eq!(seen.accept.as_deref(), Some("application/vnd.github+json"));
    assert_eq!(seen.api_version.as_deref(), Some("2022-11-28"));
    assert_eq!(seen.user_agent.as_deref(), Some(crate::tls::USER_AGENT));
    let path =
        format!("/repos/{REPOSITORY}/commits/{SHA}/check-runs?filter=latest&per_page=100&app_id=15368");
    assert_eq!(seen.path, format!("{path}&check_name=build%20%28yggdrasil%29"));
}

#[tokio::test]
async fn a_rotated_token_needs_no_restart() {
    let lab = private(Some(token(TokenKind::App))).await;
    let checks = checks(&with_token(&lab, "ghs_the-old-one\r\n"));
    expect(
        &checks.ask(&revision()).await.verdict,
        Unavailable,
        &["401 Unauthorized", "Bad credentials", "token"],
    );
    lab.file("token", &format!("{TOKEN}\r\n"));
    expect(&checks.ask(&revision()).await.verdict, Green, &[]);
}

#[tokio::test]
async fn without_a_token_the_sentence_says_to_set_one() {
    let lab = private(None).await;
    expect(&lab.ask(&lab.gate()).await, Unavailable, &["404 Not Found", "set gate.token_file"]);
    lab.forge.fault(Fault::once(Kind::Status { status: 401, headers: Vec::new() }));
    expect(&lab.ask(&lab.gate()).await, Unavailable, &["401 Unauthorized", "set gate.token_file"]);
    lab.forge.fault(Fault::once(Kind::Status { status: 403, headers: Vec::new() }));
    expect(&lab.ask(&lab.gate()).await, Unavailable, &["403 Forbidden", "set gate.token_file"]);
}

#[tokio::test]
async fn an_expired_token_is_401_with_its_file() {
    let lab = private(Some(TokenSpec { expired: true, ..token(TokenKind::App) })).await;
    let gate = with_token(&lab, TOKEN);
    let file = gate.token_file.as_ref().expect("set").display().to_string();
    expect(&lab.ask(&gate).await, Unavailable, &["401 Unauthorized", &file, "put a new one there"]);
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let permissions = Some(vec!["contents".to_owned()]);
    let lab = private(Some(TokenSpec { permissions, ..token(TokenKind::App) })).await;
    let gate = with_token(&lab, TOKEN);
    let words =
        ["403 Forbidden", "Resource not accessible by integration", "lacks the permission checks=read"];
    expect(&lab.ask(&gate).await, Unavailable, &words);
}

#[tokio::test]
async fn what_a_person_has_to_clear_is_said_and_is_no_rate_limit() {
    let lab = private(Some(token(TokenKind::Classic))).await;
    let gate = with_token(&lab, TOKEN);
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let refusals = [
        (403, "Resource protected by organization SAML enforcement.", Vec::new(), "single sign-on"),
        (
            403,
            "Forbidden",
            header("x-github-sso", "required; url=https://github.com/orgs/x/sso"),
            "single sign-on",
        ),
        (
            403,
            "Although you appear to have the correct authorization credentials, the `asgard` organization has an IP \
          allow list enabled",
            header("retry-after", "60"),
            "IP allow list: put the address of this host there",
        ),
        (451, "Repository access blocked", Vec::new(), "GitHub has blocked the repository"),
        (
            403,
            "Repository access blocked",
            header("x-ratelimit-remaining", "0"),
            "GitHub has blocked the repository",
        ),
        (
            403,
            "This installation has been suspended",
            Vec::new(),
            "installation of the GitHub App is suspended",
        ),
        (
            403,
            "`asgard` forbids access via a personal access token (classic).",
            Vec::new(),
            "this kind of token",
        ),
    ];
    for (status, message, headers, words) in refusals {
        lab.forge.fault(Fault::once(Kind::Refusal { status, message: message.to_owned(), headers }));
        let verdict = lab.ask(&gate).await;
        expect(&verdict, Unavailable, &[&status.to_string(), words]);
        assert!(!verdict.detail.contains("rate limit"), "{}", verdict.detail);
    }
}

#[tokio::test]
async fn a_missing_permission_is_no_rate_limit_even_with_the_last_request() {
    let lab = private(Some(token(TokenKind::FineGrained))).await;
    let headers = vec![("x-ratelimit-remaining".to_owned(), "0".to_owned())];
    lab.forge.fault(Fault::once(Kind::Headers { headers }));
    expect(&lab.ask(&with_token(&lab, TOKEN)).await, Unavailable, &["lacks the permission"]);
}

#[tokio::test]
async fn a_token_for_another_repository_sees_nothing() {
    let repositories = Some(vec!["poby/other".to_owned()]);
    let lab = private(Some(TokenSpec { repositories, ..token(TokenKind::App) })).await;
    let gate = with_token(&lab, TOKEN);
    let file = gate.token_file.as_ref().expect("set").display().to_string();
    expect(&lab.ask(&gate).await, Unavailable, &["404 Not Found", "gate.repository", &file]);
}

#[tokio::test]
async fn a_bad_token_file_is_told_and_nothing_is_asked() {
    let lab = private(None).await;
    for (content, word) in
        [("", "is empty"), ("\n", "is empty"), ("a b\n", "white space"), ("a\nb\n", "one line")]
    {
        let verdict = lab.ask(&with_token(&lab, content)).await;
        expect(&verdict, Unavailable, &[word, "gate.token_file"]);
    }
    let long = "x".repeat(70_000);
    expect(&lab.ask(&with_token(&lab, &long)).await, Unavailable, &["64 KiB"]);
    let gate = GithubGate { token_file: Some(lab.files.path().join("none")), ..lab.gate() };
    expect(
        &lab.ask(&gate).await,
        Unavailable,
        &["gate.token_file = ", "none cannot be read", "No such file"],
    );
    assert_eq!(lab.forge.requests(), []);
}

#[tokio::test]
async fn a_token_does_not_go_over_plain_http_to_another_machine() {
    let lab = Lab::new().await;
    // An address for documentation (RFC 5737): nobody would answer.
    let gate = GithubGate { api_url: "http://192.0.2.1".to_owned(), ..with_token(&lab, TOKEN) };
    expect(&lab.ask(&gate).await, Unavailable, &["192.0.2.1", "plain http", "https"]);
    let gate = GithubGate { api_url: "http://127.0.0.1.nip.invalid".to_owned(), ..gate };
    expect(&lab.ask(&gate).await, Unavailable, &["plain http"]);
}

#[tokio::test]
async fn an_echoed_token_is_hidden() {
    let lab = private(Some(token(TokenKind::App))).await;
    let gate = with_token(&lab, TOKEN);
    let mut verdicts = Vec::new();
    let location = format!("http://elsewhere.invalid/{TOKEN}");
    lab.forge.fault(Fault::once(Kind::Redirect { status: 302, location }));
    verdicts.push(lab.ask(&gate).await);
    let next = format!("<http://elsewhere.invalid/?page={TOKEN}>; rel=\"next\"");
    lab.forge.fault(Fault::once(Kind::Headers { headers: vec![("link".to_owned(), next)] }));
    verdicts.push(lab.ask(&gate).await);
    lab.set(CHECK, TOKEN, None);
    verdicts.push(lab.ask(&gate).await);
    lab.set(CHECK, "completed", Some(TOKEN));
    verdicts.push(lab.ask(&gate).await);
    for verdict in verdicts {
        let printed = format!("{verdict:?}");
        assert!(!printed.contains(TOKEN), "{verdict:?}");
        // The echo got so far: else nothing was hidden.
        assert!(printed.contains("[token]"), "{verdict:?}");
    }
}

#[tokio::test]
async fn nothing_that_can_be_printed_holds_the_token() {
    let lab = private(None).await;
    let gate = with_token(&lab, TOKEN);
    let checks = checks(&gate);
    drop(checks.ask(&revision()).await);
    let printed = format!("{checks:?}");
    assert!(!printed.contains(TOKEN), "{printed}");
}
