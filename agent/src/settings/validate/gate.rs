//! `[gate]`: what proves a revision.

use std::time::Duration;

use super::url::{self, Location};
use crate::loopback::is_readable_on_the_way;
use crate::settings::facts::Facts;
use crate::settings::raw::Section;
use crate::settings::{Accept, GateApi, GateSource, GithubApp, GithubGate, Source, convert};

/// The app that makes the check runs of GitHub Actions.
const GITHUB_ACTIONS: u64 = 15368;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Forge {
    Github,
    None,
}

/// Reads the section. With forge "none" the other keys are read too, so that a typing error does not wait for its day.
pub(super) fn gate(
    mut section: Section<'_>,
    facts: &Facts,
    host: &str,
    source: &Source,
    location: Option<&Location>,
    warnings: &mut Vec<String>,
) -> GateSource {
    let forges = [("github", Forge::Github), ("none", Forge::None)];
    let forge = section.read("forge", Forge::Github, convert::word(&forges));
    let default_api = "https://api.github.com".to_owned();
    let api_url = section.read("api_url", default_api, convert::text(api_url));
    let repository =
        section.read("repository", None, |value, faults| convert::text(repository)(value, faults).map(Some));
    let checks = section.read("checks", vec!["build ({host})".to_owned()], convert::strings);
    let app_id = section.read("app_id", GITHUB_ACTIONS, convert::integer(0));
    let words = [("commit", Accept::Commit), ("proven", Accept::Proven), ("merged", Accept::Merged)];
    let accept = section.read("accept", Accept::Proven, convert::word(&words));
    let apis = [("auto", GateApi::Auto), ("checks", GateApi::Checks), ("actions", GateApi::Actions)];
    let api = section.read("api", GateApi::Auto, convert::word(&apis));
    let ten_minutes = Some(Duration::from_secs(600));
    let newest_green_after = section.read("newest_green_after", ten_minutes, convert::or_never);
    let max_age = section.read("max_age", Duration::from_secs(600), convert::duration(Duration::ZERO));
    let least = Duration::from_secs(1);
    let timeout = section.read("timeout", Duration::from_secs(2 * 3600), convert::duration(least));
    let token_file = section.read("token_file", None, convert::file(facts.sees_files));
    let app = app(section.section("app"), facts);

    let repository = match (repository, forge) {
        (Some(repository), _) => repository,
        (None, Forge::None) => String::new(),
        (None, Forge::Github) => derived(&section, location, &api_url),
    };
    let gate = GithubGate {
        repository,
        branch: source.branch.clone(),
        checks: checks.iter().map(|name| name.replace("{host}", host)).collect(),
        app_id: Some(app_id).filter(|id| *id != 0),
        accept,
        api,
        newest_green_after,
        max_age,
        timeout,
        token_file,
        app,
        ca_file: source.ca_file.clone(),
        api_url,
    };
    let gate = match forge {
        Forge::None => {
            warnings.push("gate.forge is \"none\": every commit of the branch counts as green".to_owned());
            GateSource::None
        }
        Forge::Github => {
            combinations(&section, &gate, warnings);
            GateSource::Github(Box::new(gate))
        }
    };
    section.finish();
    gate
}

/// Reads `[gate.app]`: all of it or nothing.
fn app(mut section: Section<'_>, facts: &Facts) -> Option<GithubApp> {
    let id = section.read("id", 0, convert::integer(0));
    let installation_id = section.read("installation_id", 0, convert::integer(0));
    let key = section.read("private_key_file", None, convert::file(facts.sees_files));
    let missing =
        [("id", id == 0), ("installation_id", installation_id == 0), ("private_key_file", key.is_none())];
    let first = missing.iter().find(|(name, missing)| *missing && !section.complained(name));
    if let Some((name, _)) = first.filter(|_| missing.iter().any(|(_, missing)| !missing)) {
        let message = "missing; a GitHub App needs id, installation_id and private_key_file";
        section.problem(name, message.to_owned());
    }
    section.finish();
    let complete = missing.iter().all(|(_, missing)| !missing);
    key.filter(|_| complete).map(|private_key_file| GithubApp { id, installation_id, private_key_file })
}

fn combinations(section: &Section<'_>, gate: &GithubGate, warnings: &mut Vec<String>) {
    if gate.checks.is_empty() {
        let message =
            "empty, so nothing would ever be green; allowed: at least one name of a check run".to_owned();
        section.problem("checks", message);
    }
    if gate.accept == Accept::Merged {
        let what = "checks of a pull request count without proof that its tree is the same";
        warnings.push(format!("gate.accept is \"merged\": {what}"));
    }
    if gate.api == GateApi::Actions && gate.app_id.is_some_and(|app| app != GITHUB_ACTIONS) {
        let message = format!(
            "\"actions\" only shows what GitHub Actions made, and gate.app_id is another app; allowed: \"checks\", or \
             gate.app_id = {GITHUB_ACTIONS}"
        );
        section.problem("api", message);
    }
    if gate.app.is_some() && gate.token_file.is_some() {
        let message = "set beside [gate.app]; allowed: one of the two".to_owned();
        section.problem("token_file", message);
    }
    let Ok(url) = url::http(&gate.api_url) else { return };
    let host = url.host_str().unwrap_or_default();
    if is_readable_on_the_way(url.scheme(), host) {
        warnings
            .push("gate.api_url is plain http: whoever is on the way can make a revision green".to_owned());
        if gate.token_file.is_some() || gate.app.is_some() {
            let message =
                format!("a token would go over plain http to {host}; allowed: https://, or no token");
            section.problem("token_file", message);
        }
    }
}

/// Takes the repository from `source.url`, where that lies on the forge whose API is asked.
fn derived(section: &Section<'_>, location: Option<&Location>, api_url: &str) -> String {
    // A URL that could not be read is complained about already.
    let Some(location) = location else { return String::new() };
    let api =
        url::http(api_url).ok().and_then(|url| url.host_str().map(ToOwned::to_owned)).unwrap_or_default();
    // ssh.github.com is GitHub's ssh on the port of https.
    let forge = location.host.strip_prefix("ssh.").unwrap_or(&location.host);
    let same = api == forge || api == location.host || api.strip_prefix("api.") == Some(forge);
    if section.complained("repository") {
        return String::new();
    }
    location.repository().filter(|_| same).unwrap_or_else(|| {
        let why = "missing, and source.url names no repository of the forge at gate.api_url";
        section.problem("repository", format!("{why}; allowed: \"owner/name\""));
        String::new()
    })
}

fn api_url(text: &str) -> Result<String, String> {
    url::http(text).map(|_| text.trim_end_matches('/').to_owned())
}

/// `owner/name` as GitHub allows them.
fn repository(text: &str) -> Result<String, String> {
    let fits = |part: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !matches!(part, "" | "." | "..") && part.chars().all(plain)
    };
    match text.split_once('/') {
        Some((owner, name)) if fits(owner) && fits(name) => Ok(text.to_owned()),
        Some(_) | None => Err(format!("{text:?} is no repository; allowed: \"owner/name\"")),
    }
}
