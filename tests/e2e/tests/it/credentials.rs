//! Private repositories, by each kind of credential that needs more than a header field.

use pull_agent_e2e::{REPOSITORY, World};
use pull_agent_forge::{APP_KEY, AppSpec, RepositorySpec, TokenKind, TokenSpec};

/// A fine-grained token that may read the jobs of GitHub Actions.
const FINE_GRAINED: &str = "github_pat_never-to-be-seen";

/// The repository is private, and this is its only token.
fn private() -> World {
    let world = World::new();
    let mut forge = world.forge.world();
    forge.put_repository(RepositorySpec {
        repository: REPOSITORY.to_owned(),
        private: true,
        known_commits_only: false,
    });
    forge.put_token(TokenSpec {
        token: FINE_GRAINED.to_owned(),
        kind: TokenKind::FineGrained,
        permissions: Some(vec!["actions".to_owned()]),
        repositories: None,
        expired: false,
    });
    drop(forge);
    world
}

#[test]
fn a_fine_grained_token_deploys_and_status_says_what_it_cannot_do() {
    let mut world = private();
    let token = world.folder().join("token");
    std::fs::write(&token, format!("{FINE_GRAINED}\n")).expect("a file");
    world.config.set_path("gate.token_file", &token);
    let agent = world.start();
    let revision = world.green("service norns");
    agent.wait_until_runs(&revision);
    let red = world.commit("service mead-hall");
    world.check(&red, "completed", Some("failure"));
    let status =
        agent.wait_for("red", |status| status.gate.as_ref().is_some_and(|gate| gate.verdict == "red"));
    let detail = status.gate.expect("just seen").detail;
    assert!(detail.contains("jobs of GitHub Actions"), "{detail}");
    assert!(!agent.log().contains(FINE_GRAINED), "{}", agent.log());
}

#[test]
fn a_github_app_deploys_and_its_key_and_tokens_are_nowhere_to_be_read() {
    let mut world = private();
    let app =
        AppSpec { id: 12, installation_id: 34, permissions: None, token_seconds: 3600, suspended: false };
    world.forge.world().apps.push(app);
    let key = world.folder().join("app.pem");
    std::fs::write(&key, APP_KEY).expect("a file");
    world.config.set("gate.app.id", 12).set("gate.app.installation_id", 34);
    world.config.set_path("gate.app.private_key_file", &key);
    let agent = world.start();
    let revision = world.green("service norns");
    agent.wait_until_runs(&revision);
    let sent: Vec<String> = world.forge.requests().into_iter().filter_map(|seen| seen.token).collect();
    assert!(sent.iter().any(|token| token.starts_with("ghs_")), "{sent:?}");
    let shown = agent.log() + &agent.open.get("/v1/status").body;
    for token in &sent {
        assert!(!shown.contains(token.as_str()), "{shown}");
    }
}
