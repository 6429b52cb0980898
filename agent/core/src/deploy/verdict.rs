//! The last question before an activation: a verdict that has grown old is asked for again, since a run may have turned red
//! while the system was built. Only what is half-way already is not asked about.

use super::{Built, Deploy, Desk, End, Ended, Phase};
use crate::backoff::jitter;
use crate::cause::Cause;
use crate::command::Command;
use crate::follow::InFlight;
use crate::id::{LookNumber, Revision};
use crate::time::{Millis, Mono, Now};
use crate::verdict::{Judged, Verdict, VerdictKind};

impl Deploy {
    /// Activates what was built if the verdict on it is good and fresh; else waits for one that is.
    pub(super) fn activate_if_green(&mut self, built: Built, desk: &mut Desk) -> Option<Ended> {
        if self.has_fresh_verdict(desk) {
            return self.activate_anew(built, 0, desk);
        }
        self.move_on(Phase::Ready { built, busy: false, killed: 0 }, desk.now);
        self.enter(Millis(0), desk.now);
        self.work.awaits_verdict = true;
        None
    }

    fn has_fresh_verdict(&self, desk: &Desk) -> bool {
        let judged = self.current.as_ref().and_then(|current| current.candidate.judged.as_ref());
        judged.is_some_and(|Judged { verdict, at }| {
            verdict.kind.passes() && desk.now.mono.since(*at) <= desk.policy.verdict_max_age
        })
    }

    pub(super) fn ask_again(&mut self, desk: &mut Desk) -> Option<Ended> {
        let revision = self.current.as_ref()?.candidate.revision.clone();
        self.looks = self.looks.next();
        let look = self.looks;
        self.work.question = Some(InFlight { look, until: desk.now.mono.after(desk.policy.check_limit()) });
        desk.commands.push(Command::CheckAgain { look, revision });
        None
    }

    /// Whether this answers the question that waits.
    pub(crate) fn awaits_verdict(&self, look: LookNumber) -> bool {
        self.work.question.is_some_and(|question| question.look == look)
    }

    /// The question was not put to the forge.
    pub(crate) fn not_asked(&mut self, look: LookNumber) {
        self.work.question.take_if(|question| question.look == look);
    }

    /// The forge answered the question that waits.
    pub(crate) fn checked_again(&mut self, verdict: Verdict, desk: &mut Desk) -> Option<Ended> {
        self.work.question = None;
        let age = desk.now.mono.since(self.work.since);
        let current = self.current.as_mut()?;
        let Phase::Ready { built, killed: 0, .. } = &current.phase else { return None };
        let built = built.clone();
        let (kind, detail) = (verdict.kind, verdict.detail.clone());
        current.candidate.judged = Some(Judged { verdict, at: desk.now.mono });
        match kind {
            VerdictKind::Green | VerdictKind::Off
                if desk.ledger.paused.is_some() || desk.overtaken.is_some() =>
            {
                self.enter(Millis(0), desk.now);
                None
            }
            VerdictKind::Green | VerdictKind::Off if desk.host.runs(&built.previous) => {
                self.activate_anew(built, 0, desk)
            }
            // Somebody else switched meanwhile: the build, which is cached, brings a fresh look at the host.
            VerdictKind::Green | VerdictKind::Off => {
                self.build(desk);
                None
            }
            VerdictKind::Pending if age < desk.policy.gate_timeout => self.ask_later(desk),
            VerdictKind::Unavailable => self.ask_later(desk),
            VerdictKind::Red | VerdictKind::Unproven | VerdictKind::Pending => {
                let end = End::Superseded { built: Some(built), cause: Cause::NotGreenAnyMore { detail } };
                self.end(desk.now, end)
            }
        }
    }

    /// A look at the branch found what is green there: if that is not what is being deployed, its own verdict may have changed
    /// since, and is asked for again before the activation.
    pub(crate) fn found_green(&mut self, green: Option<&Revision>) {
        if let Some(current) = &mut self.current
            && green != Some(&current.candidate.revision)
        {
            current.candidate.judged = None;
        }
    }

    /// Other checks may be named now: what was green under the old ones proves nothing under the new.
    pub(crate) fn checks_changed(&mut self, now: Now) {
        if let Some(current) = &mut self.current {
            current.candidate.judged = None;
        }
        self.work.question = None;
        self.ask_from(now.mono);
    }

    /// Somebody said *look now*, or has mended what kept the forge from answering: it may be asked from then on.
    pub(crate) fn ask_from(&mut self, at: Mono) {
        if self.work.awaits_verdict {
            self.work.next = self.work.next.min(at);
        }
    }

    pub(super) fn question_given_up(&mut self, now: Now) {
        if self.work.question.take_if(|question| question.until <= now.mono).is_some() {
            self.work.next = now.mono;
        }
    }

    fn ask_later(&mut self, desk: &Desk) -> Option<Ended> {
        let wait = jitter(desk.policy.gate_interval().times(4), desk.now.entropy);
        self.work.next = desk.now.mono.after(wait);
        None
    }
}
