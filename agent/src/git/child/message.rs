//! What goes through the pipes between the agent and its child: one line of JSON there, one document back. Both ends
//! are the same program, so the form has no version.

use std::path::PathBuf;

use pull_agent_core::Revision;
use serde::{Deserialize, Serialize};

use crate::git::remote::Remote;
use crate::settings::Trust;

/// What the child is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::git) enum Request {
    /// Ask for the tip of the branch.
    Poll {
        /// Where.
        remote: Remote,
    },
    /// Bring a revision into the clone.
    Fetch(FetchRequest),
    /// Say what there is below a tip that was fetched.
    Below(FetchRequest),
    /// Look whether a commit has the tree that was tested on a pull request.
    Prove(ProveRequest),
}

/// What is to be proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::git) struct ProveRequest {
    /// Where the commits of the pull request come from.
    pub(in crate::git) remote: Remote,
    /// Folder of the clone; the repository is its `.git`.
    pub(in crate::git) repository: PathBuf,
    /// The commit that the pull request became; it was fetched.
    pub(in crate::git) merged: Revision,
    /// The pull request's head.
    pub(in crate::git) head: Revision,
    /// Where the forge says the branch was before.
    pub(in crate::git) base: Option<Revision>,
}

/// What is to be brought into the clone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::git) struct FetchRequest {
    /// From where.
    pub(in crate::git) remote: Remote,
    /// Folder of the clone; the repository is its `.git`.
    pub(in crate::git) repository: PathBuf,
    /// The tip that was polled.
    pub(in crate::git) revision: Revision,
    /// What to compare it with.
    pub(in crate::git) deployed: Option<Revision>,
    /// Whose signatures it must have; none: anybody's and nobody's.
    pub(in crate::git) trust: Option<Trust>,
    /// Revisions of which those are wanted that it is or descends from.
    pub(in crate::git) held: Vec<Revision>,
    /// Most bytes of history since the deployed revision. A force push to before the anchor would bring the whole
    /// history of the repository.
    pub(in crate::git) max_history: u64,
}

/// What the child has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::git) enum Reply {
    /// It did what was asked.
    Done(Completed),
    /// It could not.
    Failed(Failure),
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::git) enum Completed {
    /// Of a poll; none when the remote has no such branch.
    Tip(Option<Revision>),
    /// Of a fetch.
    Fetched(FetchAnswer),
    /// Of a look below a tip, newest first.
    Below(Vec<Below>),
    /// Of a proof: why it is none; none when it is one.
    Proof(Option<String>),
}

/// A commit on the first-parent line below a tip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Below {
    /// Its id.
    pub revision: Revision,
    /// First line of the message, harmless.
    pub subject: String,
    /// Name of the author, harmless.
    pub author: String,
}

/// A revision that is in the clone, whole and synced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::git) struct FetchAnswer {
    /// First line of the message, harmless.
    pub(in crate::git) subject: String,
    /// Name of the author, harmless.
    pub(in crate::git) author: String,
    /// Where it stands to the deployed revision; none when there is none.
    pub(in crate::git) standing: Option<Standing>,
    /// Those of the held revisions that it is or descends from.
    pub(in crate::git) contains: Vec<Revision>,
    /// Why its signatures are not good; none when they are, or none are wanted.
    pub(in crate::git) untrusted: Option<String>,
    /// What was healed or left undone on the way, for the log.
    pub(in crate::git) notes: Vec<String>,
}

/// Where a revision stands to the deployed one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::git) enum Standing {
    /// It is that revision or a descendant.
    Descendant,
    /// It is not, or that cannot be proven; the sentence says which.
    NotDescendant(String),
}

/// Why the child could not do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One sentence, causes included.
    pub sentence: String,
    /// Whether the remote answered, with whatever.
    pub answered: bool,
}
