//! `GET /metrics`: OpenMetrics text, by its own grammar, with the names that dashboards rely on.

use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use pull_agent::clock;
use pull_agent_e2e::{Agent, World};
use pull_agent_protocol::Outcome;

/// Every metric family with its type, as the text declares it.
const FAMILIES: [(&str, &str); 15] = [
    ("pull_agent_build", "info"),
    ("pull_agent_running", "info"),
    ("pull_agent_phase", "gauge"),
    ("pull_agent_deployments", "counter"),
    ("pull_agent_phase_duration_seconds", "histogram"),
    ("pull_agent_last_poll_timestamp_seconds", "gauge"),
    ("pull_agent_last_successful_poll_timestamp_seconds", "gauge"),
    ("pull_agent_last_deployment_timestamp_seconds", "gauge"),
    ("pull_agent_behind_seconds", "gauge"),
    ("pull_agent_paused", "gauge"),
    ("pull_agent_held_revisions", "gauge"),
    ("pull_agent_reboot_required", "gauge"),
    ("pull_agent_drift", "gauge"),
    ("pull_agent_forge_requests", "counter"),
    ("pull_agent_nudges", "counter"),
];

/// What a scrape brings: helps and types by family, values by sample (name and labels as written).
struct Scrape {
    helps: BTreeMap<String, String>,
    types: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Scrape {
    /// Reads a scrape line by line; what is no line of OpenMetrics 1.0 fails the test.
    #[track_caller]
    fn of(agent: &Agent) -> Self {
        let answer = agent.open.get("/metrics");
        assert_eq!(answer.code, 200);
        assert_eq!(answer.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
        let body = answer.body.strip_suffix("# EOF\n").expect("the last line is # EOF");
        let mut scrape = Self { helps: BTreeMap::new(), types: BTreeMap::new(), samples: BTreeMap::new() };
        for line in body.lines() {
            scrape.read(line);
        }
        // Help may come before the type: it is of a family all the same.
        assert!(scrape.helps.keys().eq(scrape.types.keys()), "{:?} {:?}", scrape.helps, scrape.types);
        scrape
    }

    #[track_caller]
    fn read(&mut self, line: &str) {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "TYPE", family, kind] => {
                assert!(self.types.insert(family.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
            }
            ["#", "HELP", family, text] => {
                assert!(text.len() > 1, "says nothing: {line}");
                assert!(self.helps.insert(family.to_owned(), text.to_owned()).is_none(), "twice: {line}");
            }
            ["#", "UNIT", family, unit] => assert!(family.ends_with(unit), "{line}"),
            _ => self.sample(line),
        }
    }

    #[track_caller]
    fn sample(&mut self, line: &str) {
        let (sample, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line:?}"));
        let (name, labels) = sample.split_once('{').map_or((sample, None), |(name, rest)| (name, Some(rest)));
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{line}");
        for label in labels.iter().flat_map(|labels| labels.trim_end_matches('}').split(',')) {
            let (key, value) = label.split_once('=').unwrap_or_else(|| panic!("no label: {line}"));
            assert!(
                !key.is_empty() && value.len() >= 2 && value.starts_with('"') && value.ends_with('"'),
                "{line}"
            );
        }
        assert!(labels.is_none_or(|labels| labels.ends_with('}')), "{line}");
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        let known = ["", "_total", "_info", "_bucket", "_sum", "_count"].iter().any(|suffix| {
            let kind = name.strip_suffix(suffix).and_then(|family| self.types.get(family));
            kind.is_some_and(|kind| match kind.as_str() {
                "gauge" => suffix.is_empty(),
                "counter" => *suffix == "_total",
                "info" => *suffix == "_info",
                "histogram" => matches!(*suffix, "_bucket" | "_sum" | "_count"),
                other => panic!("no type of ours: {other}"),
            })
        });
        assert!(known, "of no family, or not as its type has it: {line}");
        assert!(self.samples.insert(sample.to_owned(), value).is_none(), "twice: {line}");
    }

    #[track_caller]
    fn value(&self, sample: &str) -> f64 {
        *self
            .samples
            .get(sample)
            .unwrap_or_else(|| panic!("{sample} is not among {:#?}", self.samples.keys()))
    }
}

#[test]
fn every_name_is_there_with_its_type() {
    let (world, agent, revision) = World::deployed();
    let scrape = Scrape::of(&agent);
    for (family, kind) in FAMILIES {
        assert_eq!(scrape.types.get(family).map(String::as_str), Some(kind), "{family}");
    }
    assert_eq!(
        scrape.value(&format!("pull_agent_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))),
        1.0
    );
    assert_eq!(scrape.value(&format!("pull_agent_running_info{{revision=\"{revision}\"}}")), 1.0);
    for phase in ["idle", "gating", "building", "activating", "confirming", "rolling-back"] {
        let now = f64::from(u8::from(phase == "idle"));
        assert_eq!(scrape.value(&format!("pull_agent_phase{{phase=\"{phase}\"}}")), now, "{phase}");
    }
    for outcome in Outcome::ALL {
        let count = f64::from(u8::from(outcome == Outcome::Deployed));
        let sample = format!("pull_agent_deployments_total{{outcome=\"{}\"}}", outcome.as_str());
        assert_eq!(scrape.value(&sample), count);
    }
    for phase in ["gating", "building", "activating", "confirming"] {
        assert_eq!(
            scrape.value(&format!("pull_agent_phase_duration_seconds_count{{phase=\"{phase}\"}}")),
            1.0
        );
        let most = format!("pull_agent_phase_duration_seconds_bucket{{le=\"+Inf\",phase=\"{phase}\"}}");
        assert_eq!(scrape.value(&most), 1.0);
    }
    for moment in
        ["pull_agent_last_poll_timestamp_seconds", "pull_agent_last_successful_poll_timestamp_seconds"]
    {
        assert!(scrape.value(moment) > 1.6e9, "{moment} is a moment after 2020");
    }
    assert!(scrape.value("pull_agent_last_deployment_timestamp_seconds{outcome=\"deployed\"}") > 1.6e9);
    for zero in ["behind_seconds", "paused", "held_revisions", "reboot_required", "drift"] {
        assert_eq!(scrape.value(&format!("pull_agent_{zero}")), 0.0, "{zero}");
    }
    assert!(scrape.value("pull_agent_forge_requests_total{status=\"200\"}") >= 1.0);
    assert!(scrape.value("pull_agent_forge_ratelimit_remaining") > 0.0);
    assert_eq!(scrape.value("pull_agent_nudges_total{result=\"accepted\"}"), 0.0);
    drop(world);
}

#[test]
fn a_reload_sets_no_counter_back() {
    let (mut world, agent, _) = World::deployed();
    for unit in ["norns", "mimir"] {
        let revision = world.green(&format!("service {unit}"));
        agent.wait_until_runs(&revision);
    }
    let asked = || Scrape::of(&agent).value("pull_agent_forge_requests_total{status=\"200\"}");
    let before = asked();
    assert!(before >= 3.0, "{before}");
    world.config.set("gate.checks", vec!["lint"]);
    world.write_config();
    agent.signal(Signal::SIGHUP);
    world.green("service linted");
    agent.wait_for("the other check", |status| {
        status.gate.as_ref().is_some_and(|gate| gate.checks.iter().any(|check| check.name == "lint"))
    });
    assert!(asked() > before);
}

#[test]
fn values_follow_what_happens() {
    let (world, agent, _) = World::deployed();
    let before = clock::wall();
    let revision = world.green("kernel 6.18\nbuild fails on purpose");
    agent.wait_for_end(&revision, Outcome::Failed);
    let failed = clock::wall();
    let newer = world.commit("service unchecked");
    agent.wait_for("the newer one", |status| status.wanted.as_ref().is_some_and(|w| w.revision == newer));
    agent.control.post("/v1/pause", "");
    agent.nudge();
    agent.open.post("/v1/nudge", "no nudge");
    let least = clock::wall().0 - failed.0;
    let scrape = Scrape::of(&agent);
    let most = clock::wall().0 - before.0;
    assert_eq!(scrape.value("pull_agent_deployments_total{outcome=\"failed\"}"), 1.0);
    assert_eq!(scrape.value("pull_agent_held_revisions"), 1.0);
    assert_eq!(scrape.value("pull_agent_paused"), 1.0);
    assert_eq!(scrape.value("pull_agent_nudges_total{result=\"accepted\"}"), 1.0);
    assert_eq!(scrape.value("pull_agent_nudges_total{result=\"invalid\"}"), 1.0);
    // Since the first of the two that do not run here was seen: after it was pushed, before it had failed.
    let behind = (scrape.value("pull_agent_behind_seconds") * 1000.0).round();
    assert!((least as f64..=most as f64).contains(&behind), "{behind} ms is not within {least}..={most}");
    agent.control.post("/v1/resume", "");
    let kernel = world.green("kernel 6.18");
    agent.wait_until_runs(&kernel);
    let scrape = Scrape::of(&agent);
    assert_eq!(scrape.value("pull_agent_reboot_required"), 1.0);
    assert_eq!(scrape.value("pull_agent_behind_seconds"), 0.0);
}

#[test]
fn totals_survive_a_restart() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("build fails on purpose");
    agent.wait_for_end(&revision, Outcome::Failed);
    agent.nudge();
    agent.control.post("/v1/pause", "");
    let kept = |scrape: &Scrape| -> BTreeMap<String, f64> {
        let names = [
            "pull_agent_deployments",
            "pull_agent_phase_duration",
            "pull_agent_last_deployment",
            "pull_agent_paused",
            "pull_agent_held",
        ];
        let of_saved = |sample: &String| names.iter().any(|name| sample.starts_with(name));
        scrape
            .samples
            .iter()
            .filter(|(sample, _)| of_saved(sample))
            .map(|(sample, value)| (sample.clone(), *value))
            .collect()
    };
    let before = kept(&Scrape::of(&agent));
    agent.kill();
    let agent = world.start();
    let after = Scrape::of(&agent);
    assert_eq!(kept(&after), before);
    assert_eq!(after.value("pull_agent_nudges_total{result=\"accepted\"}"), 0.0, "counted anew");
}

#[test]
fn before_the_first_poll_there_is_something_to_scrape() {
    let mut world = World::new();
    world.config.set("source.url", "http://127.0.0.1:9/nobody/there");
    let agent = world.start();
    let scrape = Scrape::of(&agent);
    assert_eq!(scrape.value("pull_agent_last_successful_poll_timestamp_seconds"), 0.0);
    assert!(scrape.samples.keys().any(|sample| sample.starts_with("pull_agent_running_info")));
}
