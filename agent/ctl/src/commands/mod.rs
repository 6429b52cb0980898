//! One command each.

mod change;
mod generate;
mod history;
mod later;
mod logs;
mod nudge;
mod status;
mod watch;

use std::process::ExitCode;

use super::args::{Arguments, Command};
use super::client::{Client, Response};
use super::error::{Error, Failure};
use super::screen::Screen;

/// What every command has.
#[derive(Debug)]
struct Context {
    client: Client,
    screen: Screen,
    json: bool,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let screen = Screen::new();
    let client = match arguments.host.as_slice() {
        [] => Client::local(&arguments.socket)?,
        [host] => Client::remote(host)?,
        [first, ..] => {
            let error = Error::failed("several hosts at once are not in this version yet");
            return Err(error.with_hint(format!("one after the other: agentctl --host {first} …")));
        }
    };
    let context = Context { client, screen, json: arguments.json };
    match arguments.command {
        Command::Status => status::run(&context).await,
        Command::Watch => watch::run(&context).await,
        Command::History { number } => history::run(&context, number).await,
        Command::Logs { deployment, follow } => logs::run(&context, deployment, follow).await,
        Command::Nudge { revision, wait: false, .. } => nudge::run(&context, revision).await,
        Command::Nudge { revision, wait: true, timeout } => nudge::wait(&context, revision, timeout).await,
        Command::Pause { length, reason } => change::pause(&context, length, reason).await,
        Command::Resume => change::resume(&context).await,
        Command::Retry { revision } => change::retry(&context, revision).await,
        Command::Accept { revision } => change::accept(&context, &revision).await,
        Command::Diff => Err(later::diff()),
        Command::Deploy { revision, without_checks } => Err(later::deploy(&revision, without_checks)),
        Command::Rollback { deployment } => Err(later::rollback(&context, deployment).await),
        Command::Doctor => Err(later::doctor()),
        Command::Completions { shell } => generate::completions(screen, shell),
        Command::Man => generate::manual(screen),
    }
}

impl Context {
    /// Prints a document as it came, once it is known to be one.
    fn print_json(&self, answer: &Response) -> Result<(), Error> {
        answer.read::<serde::de::IgnoredAny>()?;
        Ok(self.screen.print(&format!("{}\n", answer.body.trim_end()))?)
    }
}

/// The one full id among `known` that the digits begin; full ids pass as they are.
fn resolve(digits: &str, known: &[&str], what: &str) -> Result<String, Error> {
    if digits.len() == 40 {
        return Ok(digits.to_owned());
    }
    let mut found: Vec<_> = known.iter().filter(|revision| revision.starts_with(digits)).collect();
    found.dedup();
    match found.as_slice() {
        [revision] => Ok((**revision).to_owned()),
        [] => {
            Err(Error::failed(format!("no {what} revision begins with {digits}"))
                .with_hint("agentctl status"))
        }
        _ => Err(Error::new(Failure::Usage, format!("several {what} revisions begin with {digits}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_name_one_revision() {
        let (a, b) = ("abcd1".repeat(8), "abcd2".repeat(8));
        let known = [a.as_str(), b.as_str(), b.as_str()];
        assert_eq!(resolve("abcd2", &known, "held").expect("one"), b);
        assert_eq!(resolve("abcd", &known, "held").expect_err("two").failure(), Failure::Usage);
        assert_eq!(resolve("ffff", &known, "held").expect_err("none").failure(), Failure::Failed);
        let other = "f".repeat(40);
        assert_eq!(resolve(&other, &known, "held").expect("whole"), other);
    }
}
