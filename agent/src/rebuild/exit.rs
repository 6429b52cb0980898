//! How an activation ended, as the core is told it and as people are.

use pull_agent_core::{Cause, EndedBy, Exit, ReasonCode};

use super::classify;

/// How a command of an activation ended, for a sentence.
pub(super) fn words(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => EndedBy::Code(*code).words(),
        Exit::Signal(signal) => EndedBy::Signal(*signal).words(),
        Exit::Busy => "found another activation at work".to_owned(),
        Exit::Killed => "was killed before it could say how it ended".to_owned(),
        Exit::BeforeActivation(cause) => format!("ended before anything was activated: {}", cause.sentence()),
    }
}

/// An activation that the host kept from beginning; that may pass.
pub(super) fn of_host(sentence: String) -> Exit {
    Exit::BeforeActivation(classify::of_host(sentence).into())
}

/// An activation that ended before anything was activated, for a reason that does not pass.
pub(super) fn lasting(sentence: String) -> Exit {
    Exit::BeforeActivation(Cause::told(ReasonCode::ActivationFailed, sentence))
}
