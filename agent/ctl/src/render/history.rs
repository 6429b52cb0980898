//! Past deployments, a line each; of what went wrong a second line says why.

use pull_agent_protocol::{Deployment, Durations};

use super::time::{brief, minute};
use super::{outcome_paint, short, went_wrong};
use crate::screen::{Paint, Screen, cut, harmless};

/// Below so many columns the lengths of the phases leave too little room for the subject, and only their sum is told.
const WIDE: usize = 100;

/// Returns the table.
pub(crate) fn render(deployments: &[Deployment], screen: Screen) -> String {
    let lengths = if screen.width < WIDE {
        format!("{:>6}", "took")
    } else {
        format!("{:>6}  {:>6}  {:>6}", "gate", "build", "switch")
    };
    let head =
        format!("{:>4}  {:<16}  {:<7}  {:<11}  {lengths}  subject", "no", "ended (UTC)", "commit", "outcome");
    let mut text = format!("{}\n", screen.paint(Paint::Faint, &cut(&head, screen.width)));
    for deployment in deployments {
        text.push_str(&line(deployment, screen));
        if let Some(reason) = deployment.reason.as_ref().filter(|_| went_wrong(deployment.outcome)) {
            let phase = deployment.phase.map(|phase| format!("{}: ", phase.as_str())).unwrap_or_default();
            let line = cut(&format!("      {phase}{}", harmless(reason)), screen.width);
            text.push_str(&format!("{}\n", screen.paint(Paint::Faint, &line)));
        }
    }
    text
}

fn line(deployment: &Deployment, screen: Screen) -> String {
    let (id, revision) = (deployment.id, short(&deployment.revision));
    let before = format!("{id:>4}  {:<16}  {revision:<7}  ", minute(&deployment.finished_at));
    let outcome = format!("{:<11}", deployment.outcome.as_str());
    let lengths = lengths(&deployment.durations, screen.width < WIDE);
    let after = format!("  {lengths}  {}", harmless(&deployment.subject));
    let left = screen.width.saturating_sub(before.chars().count() + outcome.chars().count());
    let outcome = screen.paint(outcome_paint(deployment.outcome), &outcome);
    format!("{before}{outcome}{}\n", cut(after.trim_end(), left))
}

/// Waiting for the gate is no work, so it is not part of the sum.
fn lengths(durations: &Durations, only_sum: bool) -> String {
    let sum = |parts: &[Option<f64>]| parts.iter().copied().flatten().reduce(|a, b| a + b);
    // What waits to be activated waits for somebody else, and is no work either.
    let Durations { gate, build, ready: _, activate, confirm } = *durations;
    if only_sum {
        return format!("{:>6}", brief(sum(&[build, activate, confirm])));
    }
    format!("{:>6}  {:>6}  {:>6}", brief(gate), brief(build), brief(sum(&[activate, confirm])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_screen_has_the_sum_of_the_work() {
        let durations = Durations {
            gate: Some(900.0),
            build: Some(63.0),
            ready: Some(50.0),
            activate: Some(5.0),
            confirm: None,
        };
        assert_eq!(lengths(&durations, true), " 1m08s");
        assert_eq!(lengths(&durations, false), "15m00s   1m03s      5s");
        assert_eq!(lengths(&Durations::default(), true), "     -");
    }
}
