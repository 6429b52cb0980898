//! Brings the commits of a pull request beside the clone, and looks whether a commit of the branch has its tree. The clone
//! itself stays as it is: these are commits without files, and would look like damage there.

use std::num::NonZeroU32;

use gix::ObjectId;

use super::Fault;
use super::beside::Beside;
use crate::error::chain;
use crate::git::child::ProveRequest;
use crate::git::clone::{
    self, Clone, CloneError, Commits, Found, MOST_GENERATIONS, Proof, object_id, prove, sweep_locked,
    take_lock,
};

/// Generations that are fetched: a whole pull request, and what it was made of.
const DEPTH: NonZeroU32 = NonZeroU32::new(MOST_GENERATIONS as u32 + 2).expect("more than none");

/// Returns why it is not proven that the commit has the tree that was tested at the head; none when it is.
pub(super) fn prove_tree(request: &ProveRequest) -> Result<Option<String>, Fault> {
    let _lock = take_lock(&request.repository)?;
    sweep_locked(&request.repository)?;
    let Found::Clone(clone) = clone::find(&request.repository, &request.remote.url)? else {
        return Ok(Some(format!("{} is not in the clone", request.merged)));
    };
    let beside = Beside::of(&request.remote, &request.repository)?;
    let proof = Prove { request, clone: &clone, beside: &beside }.run();
    beside.remove()?;
    proof
}

struct Prove<'a> {
    request: &'a ProveRequest,
    clone: &'a Clone,
    beside: &'a Beside<'a>,
}

impl Prove<'_> {
    fn run(&self) -> Result<Option<String>, Fault> {
        let (merged, head) = (object_id(&self.request.merged), object_id(&self.request.head));
        match self.beside.bring(head, DEPTH) {
            Ok(()) => {}
            Err(fault @ Fault::TooMuch { .. }) => {
                return Ok(Some(format!("its commits cannot be looked at: {}", chain(&fault))));
            }
            Err(fault) => return Err(fault),
        }
        let proof = match self.prove(merged, head)? {
            // The clone begins above what a rebase wrote.
            Proof::More => {
                self.beside.bring(merged, DEPTH)?;
                self.prove(merged, head)?
            }
            proof @ (Proof::Proven | Proof::Unproven(_)) => proof,
        };
        Ok(match proof {
            Proof::Proven => None,
            Proof::Unproven(why) => Some(why),
            Proof::More => Some(format!("the remote does not send what is below {merged}")),
        })
    }

    fn prove(&self, merged: ObjectId, head: ObjectId) -> Result<Proof, CloneError> {
        let repositories = [&self.beside.open()?, &self.clone.open()?];
        let base = self.request.base.as_ref().map(object_id);
        prove(&Commits(&repositories), merged, head, base)
    }
}
