//! Past deployments, a line each; of what went wrong a second line says why.

use pull_agent_protocol::Deployment;

use super::time::{brief, minute};
use super::{outcome_paint, short, went_wrong};
use crate::ctl::screen::{Paint, Screen, cut, harmless};

/// Returns the table.
pub(in crate::ctl) fn render(deployments: &[Deployment], screen: Screen) -> String {
    let head = format!(
        "{:>4}  {:<16}  {:<7}  {:<11}  {:>6}  {:>6}  {:>6}  {}",
        "no", "ended (UTC)", "commit", "outcome", "gate", "build", "switch", "subject"
    );
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
    let durations = &deployment.durations;
    let switch = [durations.activate, durations.confirm].into_iter().flatten().reduce(|a, b| a + b);
    let before = format!(
        "{:>4}  {:<16}  {:<7}  ",
        deployment.id,
        minute(&deployment.finished_at),
        short(&deployment.revision)
    );
    let outcome = format!("{:<11}", deployment.outcome.as_str());
    let subject = harmless(&deployment.subject);
    let after = format!(
        "  {:>6}  {:>6}  {:>6}  {subject}",
        brief(durations.gate),
        brief(durations.build),
        brief(switch)
    );
    let left = screen.width.saturating_sub(before.chars().count() + outcome.chars().count());
    format!(
        "{before}{}{}\n",
        screen.paint(outcome_paint(deployment.outcome), &outcome),
        cut(after.trim_end(), left)
    )
}
