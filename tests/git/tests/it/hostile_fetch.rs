//! Fetches from servers that misbehave: an error that says why, nothing left over, the clone as it was, and the next
//! fetch works.

use std::time::Duration;

use pull_agent_core::Ancestry;
use pull_agent_git_tests::{Hostile, Mode};

use crate::bed::{Bed, ECHO, PATIENT, assert_contains};

/// A clone at the first commit, and a server in front of the origin.
struct Scene {
    bed: Bed,
    hostile: Hostile,
    first: String,
}

impl Scene {
    async fn new() -> Self {
        let mut bed = Bed::new();
        let hostile = Hostile::start(bed.server.port());
        bed.source.url = hostile.url("infra");
        // Something that a pack of it can be spoilt in the midst.
        let noise: String =
            (0..20_000_u32).map(|n| format!("{:x}\n", n.wrapping_mul(2_654_435_761))).collect();
        let first = bed.origin.commit("noise", &noise, "noise");
        bed.ancestry(&first, None).await;
        let more: String = (0..20_000_u32).map(|n| format!("{:x}\n", n.wrapping_mul(40_503_101))).collect();
        bed.origin.commit("more", &more, "more noise");
        Self { bed, hostile, first }
    }

    /// One spoilt fetch into the clone and one into no clone; then good ones.
    async fn check(&self, mode: &Mode, sentence: &str) {
        let tip = self.bed.origin.head();
        self.hostile.set(mode.clone());
        let error = self.bed.fetch_error(&tip, Some(&self.first)).await;
        assert_contains(&error, sentence);
        self.bed.assert_nothing_left_over();
        assert_eq!(self.bed.git(&["rev-parse", "refs/heads/main"]), self.first, "{mode:?}");
        self.hostile.set(Mode::Behave);
        assert_eq!(self.bed.ancestry(&tip, Some(&self.first)).await, Ancestry::Descendant, "{mode:?}");

        std::fs::remove_dir_all(self.bed.repository()).expect("it was there");
        self.hostile.set(mode.clone());
        assert_contains(&self.bed.fetch_error(&tip, None).await, sentence);
        self.bed.assert_nothing_left_over();
        self.hostile.set(Mode::Behave);
        self.bed.ancestry(&self.first, None).await;
    }
}

#[tokio::test]
async fn any_status_is_told() {
    let scene = Scene::new().await;
    for status in [403, 404, 429, 500, 503] {
        scene.check(&Mode::Status(status, Vec::new()), &status.to_string()).await;
    }
    let lines = vec!["WWW-Authenticate: Basic realm=\"git\"".to_owned()];
    scene.check(&Mode::Status(401, lines), "source.token_file").await;
}

#[tokio::test]
async fn a_redirect_says_what_to_configure() {
    Scene::new().await.check(&Mode::RedirectLoop, "set source.url to the final address").await;
}

#[tokio::test]
async fn a_repository_that_was_renamed_is_fetched_where_it_is() {
    let mut bed = Bed::new();
    let hostile = Hostile::start(bed.server.port());
    bed.source.url = hostile.url("old-name");
    bed.source.token_file = Some(bed.token_file());
    let mut deployed: Option<String> = None;
    for status in [301, 302, 307, 308] {
        hostile.set(Mode::Renamed(status, "/old-name", "/infra"));
        let tip = bed.origin.commit("status", &status.to_string(), "another");
        let ancestry = bed.ancestry(&tip, deployed.as_deref()).await;
        let expected = if deployed.is_some() { Ancestry::Descendant } else { Ancestry::NothingDeployed };
        assert_eq!(ancestry, expected, "{status}");
        deployed = Some(tip);
    }
    let tip = bed.origin.commit("status", "elsewhere", "another");
    hostile.set(Mode::Renamed(301, "/git/old-name", "http://127.0.0.1:1/infra"));
    let error = bed.fetch_error(&tip, deployed.as_deref()).await;
    assert_contains(&error, "set source.url to the final address");
    hostile.set(Mode::Renamed(301, "/git/", "/git/x/"));
    let error = bed.fetch_error(&tip, deployed.as_deref()).await;
    assert_contains(&error, "set source.url to the final address");
}

#[tokio::test]
async fn what_is_no_git_server_is_an_error() {
    let scene = Scene::new().await;
    scene.check(&Mode::Html, "application/x-git-upload-pack-advertisement").await;
    scene.check(&Mode::EmptyText, "application/x-git-upload-pack-advertisement").await;
    scene.check(&Mode::Close, "could not be fetched").await;
    scene.check(&Mode::Refuse("not today".to_owned()), "not today").await;
}

#[tokio::test]
async fn a_token_that_the_server_echoes_is_not_told() {
    let mut scene = Scene::new().await;
    scene.bed.source.token_file = Some(scene.bed.token_file());
    scene.check(&Mode::Refuse(ECHO.to_owned()), "you sent [token] as Basic [token]").await;
}

#[tokio::test]
async fn a_spoilt_pack_is_thrown_away() {
    let scene = Scene::new().await;
    scene.check(&Mode::CutPack, "could not be fetched").await;
    scene.check(&Mode::FlippedBit, "could not be fetched").await;
    scene.check(&Mode::NoPack, "could not be fetched").await;
}

#[tokio::test]
async fn objects_that_were_left_out_are_missed() {
    let scene = Scene::new().await;
    scene.check(&Mode::Filter("tree:0"), "is missing").await;
    scene.check(&Mode::Filter("blob:none"), "is missing").await;
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let mut scene = Scene::new().await;
    let tip = scene.bed.origin.head();
    for mode in [Mode::Hang, Mode::HangOnPost, Mode::HangInPack, Mode::Drip] {
        scene.hostile.set(mode.clone());
        scene.bed.source.timeout = Duration::from_millis(1500);
        let error = scene.bed.fetch_error(&tip, Some(&scene.first)).await;
        assert_contains(&error, "took longer than 1.5 s and was ended");
        scene.bed.assert_nothing_left_over();
        scene.bed.source.timeout = PATIENT;
        scene.hostile.set(Mode::Behave);
        scene.bed.ancestry(&tip, Some(&scene.first)).await;
        std::fs::remove_dir_all(scene.bed.repository()).expect("it was there");
        scene.bed.ancestry(&scene.first, None).await;
    }
}

#[tokio::test]
async fn an_advertisement_without_end_costs_bounded_memory() {
    let scene = Scene::new().await;
    scene.hostile.set(Mode::Endless);
    let tip = scene.bed.origin.head();
    let error = scene.bed.fetch_error(&tip, Some(&scene.first)).await;
    assert_contains(&error, "memory");
    scene.bed.assert_nothing_left_over();
}
