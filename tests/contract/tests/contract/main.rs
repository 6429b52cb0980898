//! The stand-in's answers and the driver's requests, held against GitHub's own description of its API: one proxy for all
//! of it, since that takes seconds to start. And the driver against what others know of GitHub: answers that were
//! recorded, and a second server.

mod driver;
mod emulated;
mod recorded;
mod shapes;
mod teeth;

use pull_agent::settings::{Facts, GateSource, GithubGate, parse};
use pull_agent_contract::{Proxy, Violation};
use pull_agent_forge::Forge;

const REPOSITORY: &str = "poby/infra";
const SHA: &str = "3f2a91c0000000000000000000000000000000aa";
const CHECK: &str = "build (yggdrasil)";

/// Settings that ask this API for one check on main, whoever made it, and take only what hangs on the commit itself.
fn gate(api_url: &str, repository: &str) -> GithubGate {
    let config = format!(
        "[source]\nurl = \"https://github.com/{repository}\"\n\
         [gate]\napi_url = \"{api_url}\"\nrepository = \"{repository}\"\nchecks = [\"{CHECK}\"]\napp_id = 0\naccept = \"commit\"\n"
    );
    let facts = Facts { hostname: Some("yggdrasil".to_owned()), ..Facts::default() };
    match parse(&config, &facts).expect("good settings").gate {
        GateSource::Github(gate) => *gate,
        GateSource::None => panic!("no gate in {config}"),
    }
}

/// A stand-in behind the proxy, and a client that tells what the proxy found.
struct Bench {
    forge: Forge,
    proxy: Proxy,
    client: reqwest::Client,
}

/// An answer that came through the proxy.
struct Seen {
    status: u16,
    violations: Vec<Violation>,
    etag: Option<String>,
    body: String,
}

impl Bench {
    async fn start() -> Self {
        let forge = Forge::start().await.expect("a port");
        let proxy = Proxy::start(&forge.url()).await.expect("the proxy of tests/contract/run.sh");
        proxy.url().clone_into(&mut forge.world().origin);
        let builder = pull_agent::tls::client_builder("127.0.0.1", None).expect("no file to read");
        Self { forge, proxy, client: builder.build().expect("a client") }
    }

    /// Forgets everything, so that the rooms do not meddle with each other.
    fn reset(&self) {
        let mut world = self.forge.world();
        let origin = world.origin.clone();
        *world = pull_agent_forge::World::default();
        world.origin = origin;
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Seen {
        let mut request = self.client.get(format!("{}{path}", self.proxy.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("the proxy answers");
        let text = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let violations = text("sl-violations").unwrap_or_else(|| "[]".to_owned());
        Seen {
            status: response.status().as_u16(),
            violations: serde_json::from_str(&violations).expect("a list of violations"),
            etag: text("etag"),
            body: response.text().await.expect("a body"),
        }
    }

    /// The answer has this status and breaks nothing; a status that the description does not list may be warned of.
    async fn good(&self, path: &str, headers: &[(&str, &str)], status: u16) -> Seen {
        let seen = self.get(path, headers).await;
        assert_eq!(seen.status, status, "{path}: {}", seen.body);
        let listed = (200..300).contains(&status);
        for violation in &seen.violations {
            assert!(!listed && violation.is_unlisted_status(), "{path}: {violation:?}");
        }
        seen
    }
}

#[tokio::test]
#[ignore = "needs node and the packages that tests/contract/run.sh installs"]
async fn everything_is_as_github_describes_it() {
    let bench = Bench::start().await;
    shapes::check(&bench).await;
    bench.reset();
    driver::check(&bench).await;
    bench.reset();
    teeth::check(&bench).await;
}
