//! The memory: repositories with their commits, check runs and pull requests.

use std::collections::{BTreeMap, VecDeque};

use crate::answer::Seen;
use crate::fault::Fault;
use crate::spec::{
    AppSpec, CheckSpec, CommitSpec, Document, GITHUB_ACTIONS, PullSpec, RateLimitSpec, RepositorySpec,
    TokenSpec,
};
use crate::time;

/// Everything that the stand-in knows.
#[derive(Debug)]
pub struct World {
    /// What goes wrong, the first that fits counts.
    pub faults: Vec<Fault>,
    /// By the secret.
    pub tokens: BTreeMap<String, TokenSpec>,
    /// GitHub Apps.
    pub apps: Vec<AppSpec>,
    /// Seconds by which GitHub's clock is ahead of that of the machine.
    pub clock_ahead: i64,
    /// Scheme, host and port that links in answers name.
    pub origin: String,
    pub(crate) limit: Limit,
    pub(crate) log: VecDeque<Seen>,
    pub(crate) requests: u64,
    repositories: BTreeMap<String, Repository>,
    last_id: u64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            faults: Vec::new(),
            tokens: BTreeMap::new(),
            apps: Vec::new(),
            clock_ahead: 0,
            origin: String::new(),
            limit: Limit { limit: 5000, remaining: 5000, reset: time::now() + 3600 },
            log: VecDeque::new(),
            requests: 0,
            repositories: BTreeMap::new(),
            last_id: 1000,
        }
    }
}

/// The primary rate limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Seconds since 1970.
    pub(crate) reset: i64,
}

/// A repository; names in the maps are those of GitHub's paths.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) id: u64,
    pub(crate) spec: RepositorySpec,
    pub(crate) refs: BTreeMap<String, String>,
    pub(crate) commits: BTreeMap<String, CommitSpec>,
    /// By id, so oldest first.
    pub(crate) checks: BTreeMap<u64, CheckRun>,
    /// Id by commit, app and label.
    suites: BTreeMap<(String, u64, String), u64>,
    /// File of the workflow of each suite that GitHub Actions made.
    workflows: BTreeMap<u64, String>,
    pub(crate) pulls: BTreeMap<u64, Pull>,
}

#[derive(Clone, Debug)]
pub(crate) struct CheckRun {
    pub(crate) id: u64,
    pub(crate) suite: u64,
    pub(crate) app: u64,
    pub(crate) revision: String,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) started_at: String,
    pub(crate) completed_at: Option<String>,
}

/// A run of a workflow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorkflowRun<'a> {
    pub(crate) id: u64,
    pub(crate) suite: u64,
    pub(crate) revision: &'a str,
    /// File of the workflow.
    pub(crate) path: &'a str,
}

/// The workflow run that made a suite: a number of its own, so that nobody takes the one for the other.
pub(crate) const fn run_of(suite: u64) -> u64 {
    suite + 1_000_000
}

#[derive(Clone, Debug)]
pub(crate) struct Pull {
    pub(crate) id: u64,
    pub(crate) spec: PullSpec,
    /// Seconds since 1970.
    pub(crate) created: i64,
    pub(crate) merged: Option<i64>,
}

impl World {
    /// So many requests are remembered one by one.
    pub const LOG: usize = 10_000;

    /// Takes a whole document, beside what is there already.
    pub fn load(&mut self, document: Document) {
        document.repositories.into_iter().for_each(|r| self.put_repository(r));
        document.tokens.into_iter().for_each(|t| self.put_token(t));
        self.apps.extend(document.apps);
        document.commits.into_iter().for_each(|c| self.put_commit(c));
        for check in &document.checks {
            self.put_check(check);
        }
        document.pulls.into_iter().for_each(|p| self.put_pull(p));
        self.faults.extend(document.faults);
        if let Some(limit) = document.rate_limit {
            self.put_rate_limit(limit);
        }
    }

    /// Adds a repository, or changes what it is.
    pub fn put_repository(&mut self, spec: RepositorySpec) {
        let name = spec.repository.clone();
        self.repository_mut(&name).spec = spec;
    }

    /// Adds a token. From the first one on, others are unknown.
    pub fn put_token(&mut self, spec: TokenSpec) {
        self.tokens.insert(spec.token.clone(), spec);
    }

    /// Adds a commit and moves refs to it.
    pub fn put_commit(&mut self, spec: CommitSpec) {
        let repository = self.repository_mut(&spec.repository);
        for name in &spec.refs {
            repository.refs.insert(name.clone(), spec.revision.clone());
        }
        repository.commits.insert(spec.revision.clone(), spec);
    }

    /// Sets the newest check run of that name in that suite, or makes one. Returns its id.
    pub fn put_check(&mut self, spec: &CheckSpec) -> u64 {
        self.last_id += 2;
        let (new_suite, new_run) = (self.last_id - 1, self.last_id);
        let repository = self.repository_mut(&spec.repository);
        repository.commits.entry(spec.revision.clone()).or_insert_with(|| CommitSpec {
            repository: spec.repository.clone(),
            revision: spec.revision.clone(),
            ..CommitSpec::default()
        });
        let key = (spec.revision.clone(), spec.app_id, spec.suite.clone());
        let suite = *repository.suites.entry(key).or_insert(new_suite);
        if spec.app_id == GITHUB_ACTIONS {
            repository.workflows.entry(suite).or_insert_with(|| spec.workflow.clone());
        }
        let newest = repository.checks.values().rev().find(|c| c.suite == suite && c.name == spec.name);
        let (id, started) = match newest {
            Some(run) if !spec.rerun => (run.id, Some(run.started_at.clone())),
            Some(_) | None => (new_run, None),
        };
        let now = time::text(time::now());
        let status = spec
            .status
            .clone()
            .unwrap_or_else(|| (if spec.conclusion.is_some() { "completed" } else { "queued" }).to_owned());
        let run = CheckRun {
            id,
            suite,
            app: spec.app_id,
            revision: spec.revision.clone(),
            name: spec.name.clone(),
            completed_at: (status == "completed").then(|| now.clone()),
            status,
            conclusion: spec.conclusion.clone(),
            started_at: spec.started_at.clone().or(started).unwrap_or(now),
        };
        repository.checks.insert(id, run);
        id
    }

    /// Forgets check runs of a commit: those of this name, or all. Returns how many there were.
    pub fn remove_checks(&mut self, repository: &str, revision: &str, name: Option<&str>) -> usize {
        let checks = &mut self.repository_mut(repository).checks;
        let before = checks.len();
        checks.retain(|_, run| run.revision != revision || name.is_some_and(|name| run.name != name));
        before - checks.len()
    }

    /// Adds a pull request, or changes it.
    pub fn put_pull(&mut self, spec: PullSpec) {
        self.last_id += 1;
        let id = self.last_id;
        let pulls = &mut self.repository_mut(&spec.repository).pulls;
        let old = pulls.get(&spec.number);
        let pull = Pull {
            id: old.map_or(id, |p| p.id),
            created: old.map_or_else(time::now, |p| p.created),
            merged: spec.merged.then(|| old.and_then(|p| p.merged).unwrap_or_else(time::now)),
            spec,
        };
        pulls.insert(pull.spec.number, pull);
    }

    /// Sets the primary rate limit.
    pub fn put_rate_limit(&mut self, spec: RateLimitSpec) {
        let reset = time::now().saturating_add_unsigned(spec.reset_in);
        self.limit = Limit { limit: spec.limit, remaining: spec.remaining, reset };
    }

    /// What GitHub's clock shows, in seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        time::now().saturating_add(self.clock_ahead)
    }

    /// A token that nobody has yet.
    pub(crate) fn new_token(&mut self) -> String {
        self.last_id += 1;
        format!("ghs_{}_stand-in", self.last_id)
    }

    pub(crate) fn repository(&self, name: &str) -> Option<&Repository> {
        self.repositories.get(name)
    }

    pub(crate) fn repository_by_id(&self, id: u64) -> Option<&Repository> {
        self.repositories.values().find(|r| r.id == id)
    }

    fn repository_mut(&mut self, name: &str) -> &mut Repository {
        let last_id = &mut self.last_id;
        self.repositories.entry(name.to_owned()).or_insert_with(|| {
            *last_id += 1;
            Repository {
                id: *last_id,
                spec: RepositorySpec { repository: name.to_owned(), ..RepositorySpec::default() },
                refs: BTreeMap::new(),
                commits: BTreeMap::new(),
                checks: BTreeMap::new(),
                suites: BTreeMap::new(),
                workflows: BTreeMap::new(),
                pulls: BTreeMap::new(),
            }
        })
    }
}

impl Repository {
    /// Full id of the commit that a path names: an id, `heads/B`, `tags/T`, or the name of a branch.
    pub(crate) fn resolve(&self, name: &str) -> Option<String> {
        let full = name.len() == 40 && name.bytes().all(|b| b.is_ascii_hexdigit());
        if full && (!self.spec.known_commits_only || self.commits.contains_key(name)) {
            return Some(name.to_owned());
        }
        self.refs.get(name).or_else(|| self.refs.get(&format!("heads/{name}"))).cloned()
    }

    /// The check runs of a commit, newest first. `latest` leaves out those that a newer run of the same name in the same
    /// suite has replaced; runs of other suites stay, as on GitHub.
    pub(crate) fn check_runs(&self, revision: &str, latest: bool) -> Vec<&CheckRun> {
        let mut names = std::collections::BTreeSet::new();
        let newest_first = self.checks.values().rev().filter(|c| c.revision == revision);
        newest_first.filter(|c| names.insert((c.suite, c.name.as_str())) || !latest).collect()
    }

    /// The workflow runs of GitHub Actions, newest first: one for each suite that it made.
    pub(crate) fn workflow_runs(&self) -> Vec<WorkflowRun<'_>> {
        let mut runs = Vec::new();
        for (&suite, path) in self.workflows.iter().rev() {
            if let Some(first) = self.checks.values().find(|c| c.suite == suite) {
                runs.push(WorkflowRun { id: run_of(suite), suite, revision: &first.revision, path });
            }
        }
        runs
    }

    /// The jobs of a workflow run: the check runs of its suite.
    pub(crate) fn jobs(&self, run: &WorkflowRun<'_>, latest: bool) -> Vec<&CheckRun> {
        self.check_runs(run.revision, latest).into_iter().filter(|c| c.suite == run.suite).collect()
    }

    /// Pull requests that brought a commit, or whose head it is.
    pub(crate) fn pulls_of(&self, revision: &str) -> Vec<&Pull> {
        let has = |p: &&Pull| {
            p.spec.head_sha == revision
                || p.spec.commits.iter().any(|c| c == revision)
                || (p.spec.merged && p.spec.merge_commit_sha.as_deref() == Some(revision))
        };
        self.pulls.values().filter(has).collect()
    }
}
