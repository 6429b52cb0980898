//! The branch, and what is in each of its commits.

use pull_agent_core::{ReasonCode, Revision};

/// How the build of a commit goes.
#[derive(Clone, Copy, Debug)]
pub enum BuildNature {
    /// It builds.
    Good,
    /// It builds, and takes very long.
    Slow,
    /// It fails, always in this way.
    Fails(ReasonCode),
    /// It fails this often in this way, then it builds.
    Passing(ReasonCode, u32),
}

/// How the switch to a system goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SwitchNature {
    Good,
    /// Exit code 4.
    UnitsFail,
    /// This exit code, before anything is activated.
    Refused(i32),
    /// This exit code, when the system is already the current one.
    Fails(i32),
    /// A signal ends it half way.
    Dies,
    /// Exit code 0, but another system runs.
    Astray,
}

/// How the units are under a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Health {
    /// So long after the switch all of them are well.
    After(u64),
    Never,
}

/// What a commit builds. Commits that change no more than text share theirs.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct System {
    pub switch: SwitchNature,
    pub health: Health,
}

#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Commit {
    pub revision: Revision,
    /// Index of the commit that it builds on.
    pub parent: Option<usize>,
    /// Itself and all its ancestors, one bit each.
    pub ancestors: u128,
    /// Index of the system that it builds.
    pub system: usize,
    pub build: BuildNature,
    /// Whether it has the signature that the operator wants.
    pub signed: bool,
}

/// The git server's view.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Remote {
    /// Every commit that there ever was.
    pub commits: Vec<Commit>,
    pub systems: Vec<System>,
    /// Index of the commit at the tip.
    pub tip: usize,
}

// One bit for each commit, and some to spare.
const MOST_COMMITS: usize = 120;

impl Remote {
    /// Adds a commit on top of another and returns its number.
    pub fn commit(&mut self, parent: Option<usize>, system: usize, build: BuildNature) -> usize {
        let number = self.commits.len();
        let inherited = parent.map_or(0, |parent| self.commits[parent].ancestors);
        let revision = revision(number);
        let ancestors = inherited | 1 << number;
        self.commits.push(Commit { revision, parent, ancestors, system, build, signed: true });
        number
    }

    /// Adds something that can be built and returns its number.
    pub fn system(&mut self, switch: SwitchNature, health: Health) -> usize {
        self.systems.push(System { switch, health });
        self.systems.len() - 1
    }

    /// Whether no more commits fit.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.commits.len() >= MOST_COMMITS
    }

    /// Whether a commit is another one or has it among its ancestors.
    #[must_use]
    pub fn descends(&self, commit: usize, from: usize) -> bool {
        self.commits[commit].ancestors >> from & 1 == 1
    }

    /// The commits below another one, newest first, to the root.
    pub fn below(&self, commit: usize) -> impl Iterator<Item = usize> + '_ {
        core::iter::successors(self.commits[commit].parent, |number| self.commits[*number].parent)
    }

    /// The number of a commit.
    ///
    /// # Panics
    /// When the agent made an id up.
    #[must_use]
    pub fn number(&self, revision: &Revision) -> usize {
        let number = u64::from_str_radix(&revision.as_str()[24..], 16).ok();
        let number = number.and_then(|n| usize::try_from(n).ok()).and_then(|n| n.checked_sub(1));
        match number {
            Some(number) if number < self.commits.len() => number,
            Some(_) | None => panic!("no commit {revision}"),
        }
    }
}

fn revision(number: usize) -> Revision {
    match Revision::parse(&format!("{:040x}", number + 1)) {
        Ok(revision) => revision,
        Err(error) => panic!("{error}"),
    }
}
