//! The commands that tests expect.

use super::{between, revision};
use crate::{Baseline, Command, DeploymentId, Operation, StepNumber};

pub(in crate::tests) fn build(step: u64, deployment: u64, digit: char) -> Command {
    Command::Build { step: StepNumber(step), deployment: DeploymentId(deployment), revision: revision(digit) }
}

/// The switch to the system of this revision, from another one, with a fresh baseline.
pub(in crate::tests) fn activate(step: u64, deployment: u64, digit: char, previous: char) -> Command {
    switch(step, deployment, digit, previous, Baseline::Take)
}

/// The same switch once more.
pub(in crate::tests) fn activate_again(step: u64, deployment: u64, digit: char, previous: char) -> Command {
    switch(step, deployment, digit, previous, Baseline::Keep)
}

fn switch(step: u64, deployment: u64, digit: char, previous: char, baseline: Baseline) -> Command {
    Command::Activate {
        step: StepNumber(step),
        deployment: DeploymentId(deployment),
        operation: Operation::Switch { revision: revision(digit), baseline },
        built: between(digit, previous),
    }
}

/// The way back from the system of this revision to another one.
pub(in crate::tests) fn roll_back(step: u64, deployment: u64, digit: char, previous: char) -> Command {
    Command::Activate {
        step: StepNumber(step),
        deployment: DeploymentId(deployment),
        operation: Operation::Back,
        built: between(digit, previous),
    }
}
