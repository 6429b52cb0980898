//! What a forge says in another way than GitHub is understood as its dialect has it. Everything else about HTTP is tested
//! through `checks`.

use pull_agent_core::Millis;
use pull_agent_forge::{Fault, Forge, Kind};

use super::*;

/// A forge of no kind that there is: its fields have other names, 403 is never a limit, and 420 always is.
#[derive(Debug)]
struct Odd;

impl Dialect for Odd {
    fn fields(&self) -> &'static [(&'static str, &'static str)] {
        &[("accept", "application/x-odd")]
    }

    fn quota(&self) -> Quota {
        Quota { remaining: "odd-left", reset: "odd-until" }
    }

    fn is_limit(&self, denied: &Denied) -> bool {
        denied.status.as_u16() == 420
    }

    fn forbidden(&self, denied: &Denied, credential: Option<&Credential>) -> String {
        format!("odd advice ({}, {})", denied.says("trouble"), credential.is_some())
    }
}

struct Lab {
    forge: Forge,
    http: Http,
    stats: SharedStats,
    words: List<String>,
}

impl Lab {
    async fn new() -> Self {
        let forge = Forge::start().await.expect("a port");
        let place = Place { root: root(&forge.url()).expect("http"), ca_file: None, credential: None };
        let stats = SharedStats::default();
        let http = Http::new(&Odd, place, Bounds::default(), stats.clone());
        Self { forge, http, stats, words: List::of("words") }
    }

    /// Asks for a list whose first answer is this one.
    async fn ask(&self, kind: Kind) -> (Result<Vec<String>, String>, Option<Millis>) {
        self.forge.fault(Fault::once(kind));
        let mut question = self.http.begin().await.expect("no token is needed");
        let first = format!("{}/words", self.forge.url()).parse().expect("a url");
        let answer = question.list(&self.words, first, |body| serde_json::from_slice(body)).await;
        (answer.map_err(|error| error.sentence()), question.leave_alone())
    }

    /// What is said of a refusal, and how long the forge is left alone after it.
    async fn refused(&self, status: u16, fields: &[(&str, &str)]) -> (String, Option<Millis>) {
        let headers = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (answer, wait) = self.ask(Kind::Status { status, headers }).await;
        (answer.expect_err("refused"), wait)
    }
}

#[tokio::test]
async fn any_list_is_read_and_another_thing_is_named_by_what_it_is_not() {
    let lab = Lab::new().await;
    let (words, wait) = lab.ask(Kind::Garbage { body: r#"["a", "b"]"#.to_owned() }).await;
    assert_eq!((words, wait), (Ok(vec!["a".to_owned(), "b".to_owned()]), None));
    assert_eq!(lab.forge.requests()[0].accept.as_deref(), Some("application/x-odd"));
    let (words, _) = lab.ask(Kind::Garbage { body: "{}".to_owned() }).await;
    let sentence = words.expect_err("no list");
    assert!(sentence.contains("200 OK, but not with a list of words"), "{sentence}");
}

#[tokio::test]
async fn the_quota_is_read_from_the_fields_that_the_dialect_names() {
    let lab = Lab::new().await;
    let fields = [("odd-left", "0"), ("x-ratelimit-remaining", "7")];
    let (_, wait) = lab.refused(500, &fields).await;
    assert_eq!(wait, Some(Millis::seconds(60)));
    assert_eq!(lab.stats.get().ratelimit_remaining, Some(0));
    let (_, wait) = lab.refused(500, &[("odd-left", "7"), ("x-ratelimit-remaining", "0")]).await;
    assert_eq!(wait, None);
    assert_eq!(lab.stats.get().ratelimit_remaining, Some(7));
}

#[tokio::test]
async fn what_is_a_limit_and_what_helps_is_for_the_dialect_to_say() {
    let lab = Lab::new().await;
    let (sentence, wait) = lab.refused(403, &[("x-ratelimit-remaining", "0")]).await;
    assert!(sentence.contains("403 Forbidden") && sentence.contains("odd advice"), "{sentence}");
    assert_eq!(wait, None);
    let (sentence, wait) = lab.refused(420, &[]).await;
    assert!(sentence.contains("it is the rate limit"), "{sentence}");
    assert_eq!(wait, Some(Millis::seconds(60)));
    // Everywhere.
    let (sentence, wait) = lab.refused(429, &[("retry-after", "5")]).await;
    assert!(sentence.contains("it is the rate limit, so it is asked again in 5 s"), "{sentence}");
    assert_eq!(wait, Some(Millis::seconds(5)));
}
