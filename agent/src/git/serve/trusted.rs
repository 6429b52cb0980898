//! Whether a revision has the signatures that the operator wants. Of every commit since the deployed one is asked: which those
//! are, the commits say. One that forked off before the deployed one brings older ones along, which only the history of the
//! deployed revision tells from new ones; that is fetched, without files, when one of them is not signed.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;

use gix::ObjectId;

use super::Fault;
use super::beside::Beside;
use crate::error::chain;
use crate::git::child::FetchRequest;
use crate::git::clone::{self, Clone, CloneError, Commits, find_commit, has_commit, history, object_id};
use crate::git::trust::Signers;

/// Most commits whose signatures are looked at.
const MOST: usize = 20_000;

/// So many generations before the deployed revision are told from what came since.
const OLDER: NonZeroU32 = NonZeroU32::new(5_000).expect("more than none");

/// What a signature is looked at with, and what was found so far: commits do not change.
pub(super) struct Trusted<'a> {
    request: &'a FetchRequest,
    every_commit: bool,
    /// The keys, or why there are none.
    signers: Result<Signers, String>,
    known: HashMap<ObjectId, Result<(), String>>,
}

impl<'a> Trusted<'a> {
    /// Reads who may sign; none where no signatures are wanted.
    pub(super) fn of(request: &'a FetchRequest) -> Option<Self> {
        let trust = request.trust.as_ref()?;
        let signers = Signers::read(&trust.allowed_signers_file);
        let signers = signers.map_err(|error| format!("nobody may sign: {}", chain(&error)));
        Some(Self { request, every_commit: trust.every_commit, signers, known: HashMap::new() })
    }

    /// Returns why `tip` has not the signatures that it must have; none when it has.
    pub(super) fn objection(&mut self, clone: &Clone, tip: ObjectId) -> Result<Option<String>, Fault> {
        if let Err(why) = &self.signers {
            return Ok(Some(why.clone()));
        }
        let repo = clone.open()?;
        if let Err(why) = self.check(&repo, tip)? {
            return Ok(Some(format!("{tip} {why}")));
        }
        let base = self.request.deployed.as_ref().map(object_id);
        let Some(base) = base.filter(|_| self.every_commit) else { return Ok(None) };
        let Some((id, why)) = self.first_bad(&repo, tip, base, &HashSet::new())? else { return Ok(None) };
        let beside = Beside::of(&self.request.remote, &self.request.repository)?;
        let older = beside.bring(base, OLDER).and_then(|()| {
            let repositories = [&beside.open()?, &repo];
            Ok(history(&Commits(&repositories), base)?)
        });
        beside.remove()?;
        let older = match older {
            Ok(older) => older,
            Err(fault @ (Fault::Refused { .. } | Fault::TooMuch { .. })) => {
                return Ok(Some(format!(
                    "{id} {why}; whether it is older than the deployed revision cannot be looked at: {}",
                    chain(&fault)
                )));
            }
            Err(fault) => return Err(fault),
        };
        let bad = self.first_bad(&repo, tip, base, &older)?;
        Ok(bad.map(|(id, why)| format!("{id}, which is new with {tip}, {why}")))
    }

    /// The first of the commits that `tip` has beyond `base` and what is older whose signature is not good.
    fn first_bad(
        &mut self,
        repo: &gix::Repository,
        tip: ObjectId,
        base: ObjectId,
        older: &HashSet<ObjectId>,
    ) -> Result<Option<(ObjectId, String)>, CloneError> {
        let beyond = match clone::beyond(repo, tip, base, older, MOST) {
            Err(CloneError::TooFar { limit, .. }) => {
                return Ok(Some((tip, format!("brings more than {limit} commits, too many to look at"))));
            }
            beyond => beyond?,
        };
        for id in beyond {
            if let Err(why) = self.check(repo, id)? {
                return Ok(Some((id, why)));
            }
            if let Some(parent) = missing_parent(repo, id, older)? {
                return Ok(Some((id, format!("has a parent that the remote did not send, {parent}"))));
            }
        }
        Ok(None)
    }

    fn check(&mut self, repo: &gix::Repository, id: ObjectId) -> Result<Result<(), String>, CloneError> {
        if let Some(known) = self.known.get(&id) {
            return Ok(known.clone());
        }
        let said = match (&self.signers, clone::find_with_text(repo, id)?) {
            (Err(why), _) => Err(why.clone()),
            (Ok(_), None) => Err("is not in the clone".to_owned()),
            (Ok(signers), Some((commit, text))) => signers.check(&text, commit.seconds),
        };
        self.known.insert(id, said.clone());
        Ok(said)
    }
}

/// A parent of which nobody knows whether it is signed, nor that it need not be.
fn missing_parent(
    repo: &gix::Repository,
    id: ObjectId,
    older: &HashSet<ObjectId>,
) -> Result<Option<ObjectId>, CloneError> {
    let parents = find_commit(repo, id)?.map(|commit| commit.parents).unwrap_or_default();
    for parent in parents {
        if !older.contains(&parent) && !has_commit(repo, parent)? {
            return Ok(Some(parent));
        }
    }
    Ok(None)
}
