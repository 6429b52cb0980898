//! The fetch, in order: lock, sweep, look at what is there, bring in what is missing, prove, check, set refs, sync. The
//! clone is shallow with an anchor: at first one commit alone, later all since the deployed one, so that the
//! forward-only test is exact and the clone small. A clone that turns out damaged is made anew once.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use gix::ObjectId;

use super::Fault;
use super::exchange::{Exchange, Objects};
use super::trusted::Trusted;
use crate::error::chain;
use crate::git::child::{FetchAnswer, FetchRequest, Standing};
use crate::git::clone::{
    self, Clone, CloneError, Commit, Found, Known, Relation, SHALLOW_NEXT, Since, boundary, branch_tip,
    check_complete, contained, contained_since, find_commit, has_commit, now, object_id, relation, set_refs,
    sweep_locked, take_lock,
};

/// Most bytes of a first fetch, which is one commit with its files.
const MAX_PACK: u64 = 8 * 1024 * 1024 * 1024;

/// A commit without its history.
const ALONE: Option<NonZeroU32> = Some(NonZeroU32::MIN);

/// Each fetch adds a pack, and nothing joins them: with more of them the clone is made anew.
const MAX_PACKS: usize = 50;

/// Brings the revision into the clone.
pub(super) fn bring_in(request: &FetchRequest) -> Result<FetchAnswer, Fault> {
    let lock = take_lock(&request.repository)?;
    sweep_locked(&request.repository)?;
    let result = bring_in_locked(request);
    if result.is_err()
        && let Err(error) = sweep_locked(&request.repository)
    {
        // The next fetch sweeps again; this one's own error is the one to tell.
        tracing::debug!(%error, "left-overs stay for now");
    }
    drop(lock);
    result
}

fn bring_in_locked(request: &FetchRequest) -> Result<FetchAnswer, Fault> {
    let mut notes = Vec::new();
    let answer = match clone::find(&request.repository, &request.remote.url)? {
        Found::Nothing => anew(request)?,
        Found::Unusable(reason) => {
            notes.push(format!("the clone is made anew: {reason}"));
            anew(request)?
        }
        Found::Clone(clone) => match update_synced(request, &clone) {
            Ok(updated) => {
                tidy(request, &clone, &updated, &mut notes);
                updated.answer
            }
            Err(Fault::Clone(error @ CloneError::Damaged { .. })) => {
                notes.push(format!("the clone is made anew: {error}"));
                anew(request)?
            }
            Err(fault) => return Err(fault),
        },
    };
    Ok(FetchAnswer { notes, ..answer })
}

/// Makes a new clone beside the old one, and puts it in its place when it is complete.
fn anew(request: &FetchRequest) -> Result<FetchAnswer, Fault> {
    let clone = Clone::make(&request.repository, &request.remote.url)?;
    let updated = update(request, &clone)?;
    updated.known.write(&clone.move_in(&request.repository)?)?;
    Ok(updated.answer)
}

/// What an update found.
struct Updated {
    answer: FetchAnswer,
    /// To be written once all of the clone is on disk: it vouches for that.
    known: Known,
    /// Everything that the clone had before and somebody may still read is part of the new tip's history.
    replaceable: bool,
}

/// Makes the clone anew when it has too many packs. Only where nothing is lost that a build may be reading.
fn tidy(request: &FetchRequest, clone: &Clone, updated: &Updated, notes: &mut Vec<String>) {
    let packs = match clone.packs() {
        Ok(packs) if packs <= MAX_PACKS || !updated.replaceable => return,
        Ok(packs) => packs,
        Err(error) => return notes.push(error.to_string()),
    };
    match anew(request) {
        Ok(answer) if answer.standing == updated.answer.standing => {}
        Ok(_) => notes.push("the clone that was made anew tells another history".to_owned()),
        Err(fault) => notes.push(format!("the clone keeps its {packs} packs: {}", chain(&fault))),
    }
}

/// Updates the clone in its place, and makes what has changed survive a power cut.
fn update_synced(request: &FetchRequest, clone: &Clone) -> Result<Updated, Fault> {
    let files = clone.files()?;
    let updated = update(request, clone)?;
    clone.sync_changes(&files)?;
    updated.known.write(clone)?;
    Ok(updated)
}

/// Updates one clone.
fn update(request: &FetchRequest, clone: &Clone) -> Result<Updated, Fault> {
    let tip = object_id(&request.revision);
    let base = request.deployed.as_ref().map(object_id);
    let mut work = Work::of(request, clone);
    work.write_shallow(&[])?;
    let before = branch_tip(&clone.open()?, &request.remote.reference())?;
    let is_new = clone.packs()? == 0;
    let known = Known::read(clone, before);
    let (standing, ends) = match base {
        None => (work.alone(None).map(|()| None)?, None),
        Some(base) => {
            let ends = known.as_ref().and_then(|known| known.ends_of(base));
            work.descendant = before.filter(|_| ends.is_some());
            let (standing, ends) = work.since(base, before, ends)?;
            (Some(standing), ends)
        }
    };
    let repo = clone.open()?;
    let read_at = known.as_ref().and_then(Known::read_lately);
    let (since, read_at) = match (before.filter(|before| *before != tip), read_at) {
        _ if is_new => (Since::ThisPack, now()),
        (Some(before), Some(read_at)) => (Since::Commit(before), read_at),
        (Some(_) | None, _) => (Since::Nothing, now()),
    };
    check_complete(&repo, tip, since)?;
    work.finish_shallow()?;
    let base = match base {
        Some(base) if has_commit(&repo, base)? => Some(base),
        _ => None,
    };
    set_refs(&repo, &request.remote.reference(), tip, base)?;
    let replaceable = match before {
        Some(before) => relation(&repo, tip, &[before], &[])? == Relation::Descendant,
        None => true,
    };
    let missing =
        || CloneError::Damaged { path: repo.git_dir().to_owned(), reason: format!("{tip} is missing") };
    let Commit { subject, author, .. } = find_commit(&repo, tip)?.ok_or_else(missing)?;
    let of_before = known.filter(|_| replaceable).and_then(|known| known.contained(&request.held));
    let contains = match before.zip(of_before) {
        Some((before, of_before)) => contained_since(&repo, tip, before, of_before, &request.held)?,
        None => contained(&repo, tip, &request.held)?,
    };
    let descends = base.filter(|_| standing == Some(Standing::Descendant));
    let descends = descends.zip(ends.as_deref());
    let known = Known::of(tip, descends, &request.held, &contains, read_at);
    let untrusted = match Trusted::of(request) {
        Some(mut trusted) => trusted.objection(clone, tip)?,
        None => None,
    };
    let answer = FetchAnswer { subject, author, standing, contains, untrusted, notes: Vec::new() };
    Ok(Updated { answer, known, replaceable })
}

/// What is done to one clone.
pub(super) struct Work<'a> {
    request: &'a FetchRequest,
    clone: &'a Clone,
    tip: ObjectId,
    shallow: PathBuf,
    /// A commit that is known to descend from the deployed revision.
    descendant: Option<ObjectId>,
}

impl<'a> Work<'a> {
    pub(super) fn of(request: &'a FetchRequest, clone: &'a Clone) -> Self {
        let shallow = clone.git_dir.join(SHALLOW_NEXT);
        Self { request, clone, tip: object_id(&request.revision), shallow, descendant: None }
    }

    /// Brings the tip in once more, with so many commits of its history, itself included.
    pub(super) fn deepen(&self, depth: NonZeroU32) -> Result<(), Fault> {
        let files = self.clone.files()?;
        self.write_shallow(&[])?;
        self.exchange(self.tip, &[], Some(depth), MAX_PACK)?;
        self.finish_shallow()?;
        Ok(self.clone.sync_changes(&files)?)
    }

    /// Brings the tip in without its history.
    fn alone(&self, have: Option<ObjectId>) -> Result<(), Fault> {
        if have.is_none() && has_commit(&self.clone.open()?, self.tip)? {
            return self.write_shallow(&boundary(&self.clone.open()?, self.tip)?);
        }
        self.exchange(self.tip, have.as_slice(), ALONE, MAX_PACK)
    }

    /// Brings the tip in with all that came since the deployed revision, and compares them. Returns where the history of that one ends in
    /// the clone too, which may be known.
    fn since(
        &self,
        base: ObjectId,
        before: Option<ObjectId>,
        ends: Option<Vec<ObjectId>>,
    ) -> Result<(Standing, Option<Vec<ObjectId>>), Fault> {
        if !has_commit(&self.clone.open()?, base)? {
            match self.exchange(base, &[], ALONE, MAX_PACK) {
                Ok(()) => {}
                Err(Fault::Refused { text, any_commit }) => {
                    return Ok((self.without_anchor(base, &text, any_commit)?, None));
                }
                Err(fault) => return Err(fault),
            }
        }
        let repo = self.clone.open()?;
        let ends = match ends {
            Some(ends) => ends,
            None => boundary(&repo, base)?,
        };
        self.write_shallow(&ends)?;
        let known = relation(&repo, self.tip, &self.bases(base), &ends)?;
        if known != Relation::Unknown {
            return Ok((self.standing(known, base), Some(ends)));
        }
        let mut have = vec![base];
        if let Some(before) = before
            && before != base
            && relation(&repo, before, &self.bases(base), &ends)? == Relation::Descendant
        {
            have.push(before);
        }
        match self.exchange(self.tip, &have, None, self.request.max_history) {
            Ok(()) => Ok((self.compare(base)?, Some(ends))),
            Err(fault @ Fault::TooMuch { .. }) => {
                self.write_shallow(&ends)?;
                self.alone(Some(base))?;
                Ok((self.unproven(base, &chain(&fault)), Some(ends)))
            }
            Err(fault) => Err(fault),
        }
    }

    /// The deployed revision, and what is known to descend from it.
    fn bases(&self, base: ObjectId) -> Vec<ObjectId> {
        [Some(base), self.descendant].into_iter().flatten().collect()
    }

    /// The remote does not send the deployed revision. Before protocol version 2 that means little; the history of the
    /// tip may have it.
    fn without_anchor(&self, base: ObjectId, text: &str, any_commit: bool) -> Result<Standing, Fault> {
        if !any_commit {
            match self.exchange(self.tip, &[], None, self.request.max_history) {
                Ok(()) => return self.compare(base),
                Err(Fault::TooMuch { .. }) => self.write_shallow(&[])?,
                Err(fault) => return Err(fault),
            }
        }
        self.alone(None)?;
        Ok(self.unproven(base, &format!("the remote does not send {base} any more ({text})")))
    }

    /// Compares by what the clone has after an exchange.
    fn compare(&self, base: ObjectId) -> Result<Standing, Fault> {
        let ends = self.read_shallow()?;
        let found = relation(&self.clone.open()?, self.tip, &self.bases(base), &ends)?;
        Ok(self.standing(found, base))
    }

    fn standing(&self, relation: Relation, base: ObjectId) -> Standing {
        match relation {
            Relation::Descendant => Standing::Descendant,
            Relation::Unrelated => Standing::NotDescendant(format!(
                "{} is not a descendant of the deployed revision {base}",
                self.tip
            )),
            Relation::Unknown => self.unproven(base, "the remote left commits out"),
        }
    }

    fn unproven(&self, base: ObjectId, why: &str) -> Standing {
        Standing::NotDescendant(format!(
            "it cannot be proven that {} is a descendant of the deployed revision {base}: {why}",
            self.tip
        ))
    }

    fn exchange(
        &self,
        want: ObjectId,
        have: &[ObjectId],
        depth: Option<NonZeroU32>,
        limit: u64,
    ) -> Result<(), Fault> {
        let exchange =
            Exchange { want, have, depth, objects: Objects::All, limit, shallow_file: &self.shallow };
        let fault = match exchange.run(&self.request.remote, self.clone) {
            Err(fault @ Fault::Remote { .. }) => fault,
            result => return result,
        };
        // What comes may build on what is there: a clone that is not whole must not blame the remote for ever.
        let repo = self.clone.open()?;
        for id in have {
            check_complete(&repo, *id, Since::Nothing)?;
        }
        Err(fault)
    }

    fn write_shallow(&self, ends: &[ObjectId]) -> Result<(), Fault> {
        if ends.is_empty() {
            return remove_file(&self.shallow);
        }
        let text: String = ends.iter().map(|id| format!("{id}\n")).collect();
        fs_err::write(&self.shallow, text)
            .map_err(|source| CloneError::io("writing", &self.shallow)(source).into())
    }

    fn read_shallow(&self) -> Result<Vec<ObjectId>, Fault> {
        let text = match fs_err::read_to_string(&self.shallow) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(CloneError::io("reading", &self.shallow)(source).into()),
        };
        let mut ends: Vec<ObjectId> =
            text.lines().filter_map(|line| ObjectId::from_hex(line.as_bytes()).ok()).collect();
        ends.sort_unstable();
        Ok(ends)
    }

    /// From here on every reader of the clone sees the new ends of its history.
    fn finish_shallow(&self) -> Result<(), Fault> {
        let place = self.clone.git_dir.join("shallow");
        if self.shallow.exists() {
            return fs_err::rename(&self.shallow, &place)
                .map_err(|source| CloneError::io("replacing", &place)(source).into());
        }
        remove_file(&place)
    }
}

fn remove_file(path: &Path) -> Result<(), Fault> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(CloneError::io("removing", path)(error).into())
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
