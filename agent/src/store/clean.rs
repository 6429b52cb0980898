//! Texts that come from the files: whoever damaged or wrote them, none reaches a terminal or the journal raw.

use std::sync::Arc;

use pull_agent_core::{Candidate, Cause, Comparison, Hold, Pause, Phase, Record, Saved, WhyRefused};
use pull_agent_text as text;

/// Cleans every text of a state.
pub(super) fn saved(saved: &mut Saved) {
    let Saved { ledger, branch, deployment } = saved;
    holds(&mut ledger.held);
    if let Some(Pause { reason, by, .. }) = &mut ledger.paused {
        *by = text::clean(by);
        optional(reason);
    }
    for Record { subject, cause: why, .. } in Arc::make_mut(&mut ledger.history) {
        *subject = text::clean(subject);
        if let Some(why) = why {
            cause(why);
        }
    }
    if let Some(tip) = &mut branch.tip {
        candidate(tip);
    }
    if let Some(deployment) = deployment {
        candidate(&mut deployment.candidate);
        if let Phase::RollingBack { cause: why, .. } = &mut deployment.phase {
            cause(why);
        }
    }
}

/// Cleans the reasons.
pub(super) fn holds(held: &mut [Hold]) {
    for Hold { reason, .. } in held {
        *reason = text::sentence(reason);
    }
}

fn candidate(candidate: &mut Candidate) {
    let Candidate { subject, author, ancestry, .. } = candidate;
    optional(subject);
    optional(author);
    let Some(Comparison { no_descendant, untrusted, .. }) = ancestry else { return };
    for WhyRefused { reason, .. } in [no_descendant, untrusted].into_iter().flatten() {
        *reason = text::sentence(reason);
    }
}

/// A file has nothing but causes of this form in it.
fn cause(cause: &mut Cause) {
    if let Cause::Told { sentence, .. } = cause {
        *sentence = text::sentence(sentence);
    }
}

fn optional(words: &mut Option<String>) {
    if let Some(words) = words {
        *words = text::clean(words);
    }
}
