//! Any state that a file can hold.

use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;
use pull_agent_protocol::{Outcome, Phase as PhaseName, Trigger};

use crate::saved::LARGEST_NUMBER;
use crate::tests::machine::{revision, system};
use crate::{
    Branch, Built, Candidate, Cause, Comparison, Deployed, Deployment, DeploymentId, Durations, Hold, Ledger,
    Millis, OutcomeTotal, Pause, Phase, PhaseTotal, ReasonCode, Record, Saved, StepNumber, SystemPath,
    Totals, Tried, Tries, Wall, WhyRefused,
};

fn digits() -> impl Strategy<Value = crate::Revision> {
    prop::sample::select("123456789abcdef".chars().collect::<Vec<_>>()).prop_map(revision)
}

fn path() -> impl Strategy<Value = SystemPath> {
    prop_oneof![Just(system('a')), ".{0,20}".prop_map(|text| SystemPath::new(&text))]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop::sample::select(Outcome::ALL.to_vec())
}

fn name() -> impl Strategy<Value = PhaseName> {
    prop::sample::select(PhaseName::ALL.to_vec())
}

fn code() -> impl Strategy<Value = Option<ReasonCode>> {
    prop::option::of(prop::sample::select(ReasonCode::ALL.to_vec()))
}

/// A cause as a file can hold it.
fn cause() -> impl Strategy<Value = Cause> {
    (code(), ".*").prop_map(|(code, sentence)| Cause::Told { code, sentence })
}

fn trigger() -> impl Strategy<Value = Trigger> {
    prop::sample::select([Trigger::Poll, Trigger::Nudge, Trigger::Operator, Trigger::Start].to_vec())
}

fn wall() -> impl Strategy<Value = Wall> {
    any::<u64>().prop_map(Wall)
}

fn durations() -> impl Strategy<Value = Durations> {
    any::<[Option<u64>; 5]>().prop_map(|[gate, build, ready, activate, confirm]| Durations {
        gate: gate.map(Millis),
        build: build.map(Millis),
        ready: ready.map(Millis),
        activate: activate.map(Millis),
        confirm: confirm.map(Millis),
    })
}

fn built() -> impl Strategy<Value = Built> {
    (path(), path()).prop_map(|(system, previous)| Built { system, previous })
}

fn phase() -> impl Strategy<Value = Phase> {
    let step = || any::<u64>().prop_map(StepNumber);
    prop_oneof![
        step().prop_map(|step| Phase::Building { step }),
        (built(), any::<bool>(), any::<u32>()).prop_map(|(built, busy, killed)| Phase::Ready {
            built,
            busy,
            killed
        }),
        (step(), built(), any::<u32>()).prop_map(|(step, built, killed)| Phase::Activating {
            step,
            built,
            killed
        }),
        (built(), any::<bool>(), any::<u64>(), any::<u32>()).prop_map(
            |(built, units_failed, spent, starts)| {
                Phase::Confirming { built, units_failed, spent: Millis(spent), starts }
            }
        ),
        (step(), built(), name(), cause(), any::<[u32; 2]>()).prop_map(
            |(step, built, failed_in, cause, [failed, waited])| Phase::RollingBack {
                step,
                built,
                failed_in,
                cause,
                failed,
                waited
            }
        ),
    ]
}

fn comparison() -> impl Strategy<Value = Comparison> {
    let refusal = || (".*", wall()).prop_map(|(reason, since)| WhyRefused { reason, since });
    let refusals = (prop::option::of(refusal()), prop::option::of(refusal()));
    (prop::option::of(digits()), refusals, prop::collection::vec(digits(), 0..3)).prop_map(
        |(with, (no_descendant, untrusted), contains)| Comparison {
            with,
            no_descendant,
            untrusted,
            contains,
        },
    )
}

prop_compose! {
    fn candidate()(
        (revision, trigger) in (digits(), trigger()),
        (subject, author) in any::<(Option<String>, Option<String>)>(),
        (seen_at, passed_at) in (wall(), prop::option::of(wall())),
        (ancestry, leave) in (prop::option::of(comparison()), any::<bool>()),
        [transient, hard] in any::<[u32; 2]>(),
    ) -> Candidate {
        Candidate {
            subject, author, passed_at, ancestry, leave, tries: Tries { transient, hard },
            ..Candidate::new(revision, trigger, seen_at)
        }
    }
}

prop_compose! {
    fn deployment()(
        (id, busy) in any::<(u64, u32)>(),
        candidate in candidate(),
        (started_at, phase_since) in (wall(), wall()),
        (phase, durations) in (phase(), durations()),
    ) -> Deployment {
        Deployment { id: DeploymentId(id), candidate, started_at, phase, phase_since, durations, busy }
    }
}

prop_compose! {
    fn record()(
        (id, subject) in (any::<u64>(), ".*"),
        (revision, trigger, outcome) in (digits(), trigger(), outcome()),
        (started_at, finished_at, durations) in (wall(), wall(), durations()),
        (phase, cause) in (prop::option::of(name()), prop::option::of(cause())),
        system in prop::option::of(path()),
        previous in prop::option::of(path()),
    ) -> Record {
        Record {
            id: DeploymentId(id), revision, subject, trigger, started_at, finished_at, durations, outcome, phase,
            cause, previous, system,
        }
    }
}

fn totals() -> impl Strategy<Value = Totals> {
    let outcome = (outcome(), any::<u64>(), wall()).prop_map(|(outcome, count, last)| OutcomeTotal {
        outcome,
        count,
        last,
    });
    let phase = (name(), any::<u64>(), prop::collection::vec(any::<u64>(), 0..12))
        .prop_map(|(phase, sum, buckets)| PhaseTotal { phase, sum: Millis(sum), buckets });
    (prop::collection::vec(outcome, 0..3), prop::collection::vec(phase, 0..3))
        .prop_map(|(outcomes, phases)| Totals { outcomes, phases })
}

prop_compose! {
    fn ledger()(
        (next_deployment, next_step) in (0..=LARGEST_NUMBER, 0..=LARGEST_NUMBER),
        deployed in prop::option::of((digits(), path(), wall(), any::<bool>()).prop_map(
            |(revision, system, at, compared)| Deployed { revision, system, at, compared }
        )),
        held in prop::collection::vec((digits(), ".*", code(), wall()).prop_map(
            |(revision, reason, code, since)| Hold { revision, reason, code, since }
        ), 0..3),
        paused in prop::option::of((wall(), prop::option::of(wall()), prop::option::of(".*"), ".*").prop_map(
            |(since, until, reason, by)| Pause { since, until, reason, by }
        )),
        history in prop::collection::vec(record(), 0..4),
        totals in totals(),
    ) -> Ledger {
        Ledger { next_deployment, next_step, deployed, held, paused, history: history.into(), totals: totals.into() }
    }
}

prop_compose! {
    pub(super) fn saved()(
        ledger in ledger(),
        tip in prop::option::of(candidate()),
        leave in prop::option::of(digits()),
        behind_since in prop::option::of(wall()),
        not_green_since in prop::option::of(wall()),
        tried in prop::collection::vec((digits(), any::<[u32; 2]>()), 0..3),
        deployment in prop::option::of(deployment()),
    ) -> Saved {
        let tried = tried.into_iter().map(|(revision, [transient, hard])| (revision, Tries { transient, hard }));
        Saved { ledger, branch: Branch { tip, leave, behind_since, not_green_since, tried: Tried::read(tried) }, deployment }
    }
}
