//! `agentctl watch`: phases, progress and log lines as they come; a bar on a terminal, plain lines elsewhere, and with
//! `--json` each status document on a line of its own.

use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pull_agent_protocol::{Progress, Status};
use tokio::time::sleep;

use super::Context;
use crate::error::{Error, Failure};
use crate::events::{Reader, Told};
use crate::render::{progress, short};
use crate::screen::{Screen, harmless};

/// Between two tries to reach an agent that was there before.
const AGAIN: Duration = Duration::from_secs(1);
/// Between two turns of the sign that something is alive.
const TICK: Duration = Duration::from_millis(250);

/// Follows until it is interrupted. An agent that was there once is waited for: a switch may restart it.
pub(super) async fn run(context: &Context) -> Result<ExitCode, Error> {
    let mut view: Box<dyn View> = if context.json {
        Box::new(Documents(context.screen))
    } else if context.screen.terminal {
        Box::new(Bar::new(context.screen)?)
    } else {
        Box::new(Lines { screen: context.screen, said: String::new(), built: None })
    };
    let mut met = false;
    loop {
        let ended = follow(context, view.as_mut(), &mut met).await;
        match ended {
            Err(error) if error.failure() == Failure::Unreachable && met => view.lost(&error.to_string())?,
            Err(error) => return Err(error),
            Ok(()) => view.lost("the agent has ended the stream")?,
        }
        sleep(AGAIN).await;
    }
}

async fn follow(context: &Context, view: &mut dyn View, met: &mut bool) -> Result<(), Error> {
    let mut stream = context.client.stream("/v1/events").await?;
    *met = true;
    let mut reader = Reader::default();
    while let Some(bytes) = stream.next().await? {
        let events = reader.feed(&bytes).map_err(|error| Error::failed(error.to_string()))?;
        for event in &events {
            view.show(event)?;
        }
    }
    Ok(())
}

trait View {
    fn show(&mut self, event: &Told) -> Result<(), Error>;
    fn lost(&mut self, why: &str) -> Result<(), Error>;
}

/// Status documents, a line each.
struct Documents(Screen);

impl View for Documents {
    fn show(&mut self, event: &Told) -> Result<(), Error> {
        match event {
            Told::Status(_, document) => Ok(self.0.print(&format!("{document}\n"))?),
            Told::Progress(_) | Told::Log(_) => Ok(()),
        }
    }

    fn lost(&mut self, _why: &str) -> Result<(), Error> {
        Ok(())
    }
}

/// Plain lines, each news once.
struct Lines {
    screen: Screen,
    said: String,
    built: Option<u64>,
}

impl View for Lines {
    fn show(&mut self, event: &Told) -> Result<(), Error> {
        match event {
            Told::Status(status, _) => self.say(headline(status)),
            Told::Log(log) => Ok(self.screen.print(&format!("| {}\n", harmless(&log.line)))?),
            // Bytes move many times a second; a line is worth a derivation.
            Told::Progress(Some(build)) if self.built != Some(build.builds.done) => {
                self.built = Some(build.builds.done);
                self.say(format!("progress: {}", progress(build)))
            }
            Told::Progress(_) => Ok(()),
        }
    }

    fn lost(&mut self, why: &str) -> Result<(), Error> {
        self.say(format!("{why}; waiting for it"))
    }
}

impl Lines {
    fn say(&mut self, news: String) -> Result<(), Error> {
        let news = harmless(&news);
        if news != self.said {
            self.screen.print(&format!("{news}\n"))?;
            self.said = news;
        }
        Ok(())
    }
}

/// A line that stays at the bottom, with a bar while something is built; log lines go by above it.
struct Bar {
    bar: ProgressBar,
    idle: ProgressStyle,
    building: ProgressStyle,
}

impl Bar {
    fn new(screen: Screen) -> Result<Self, Error> {
        let template = |text: &str| {
            ProgressStyle::with_template(text).map_err(|error| Error::failed(format!("no bar: {error}")))
        };
        let idle = template("{spinner} {wide_msg}")?;
        let bar_columns = (screen.width / 4).clamp(10, 30);
        let building =
            template(&format!("{{spinner}} [{{bar:{bar_columns}}}] {{wide_msg}}"))?.progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout()).with_style(idle.clone());
        bar.enable_steady_tick(TICK);
        Ok(Self { bar, idle, building })
    }

    fn progress(&self, build: Option<&Progress>) {
        match build {
            Some(build) => {
                // Derivations where there are any to build, else downloads.
                let counted = if build.builds.expected > 0 { build.builds } else { build.bytes };
                self.bar.set_style(self.building.clone());
                self.bar.set_length(counted.expected);
                self.bar.set_position(counted.done);
                self.bar.set_message(progress(build));
            }
            None => self.bar.set_style(self.idle.clone()),
        }
    }
}

impl View for Bar {
    fn show(&mut self, event: &Told) -> Result<(), Error> {
        match event {
            Told::Status(status, _) => {
                self.progress(status.progress.as_ref());
                if status.progress.is_none() {
                    self.bar.set_message(harmless(&headline(status)));
                }
            }
            Told::Progress(build) => self.progress(build.as_ref()),
            Told::Log(log) => self.bar.println(harmless(&log.line)),
        }
        Ok(())
    }

    fn lost(&mut self, why: &str) -> Result<(), Error> {
        self.bar.set_style(self.idle.clone());
        self.bar.set_message(harmless(&format!("{why}; waiting for it")));
        Ok(())
    }
}

fn headline(status: &Status) -> String {
    let ended = match (&status.current, &status.last_deployment) {
        (None, Some(last)) => {
            format!(" (last: deployment {} of {} {})", last.id, short(&last.revision), last.outcome.as_str())
        }
        (Some(_), _) | (None, None) => String::new(),
    };
    format!("{} {}: {}{ended}", status.host, status.phase.as_str(), status.summary)
}
