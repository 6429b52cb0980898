//! Whether the host is healthy after a switch: three kinds of probes, each a question that the host answers once. What was
//! wrong before the switch does not count. When to ask again and what follows is the core's to say. Never changes the host.
//!
//! - **units**: no unit is failed, or waits to be restarted after a failure, that was not before;
//! - **source**: the git remote can be reached, if it could before: a host that cannot is cut off from its next repair.
//!   Whatever it answers, it is reached;
//! - **commands**: each exits with 0. Of their *before* only counts whether the program was there.

mod commands;
mod units;

use std::path::{Path, PathBuf};
use std::time::Duration;

use pull_agent_core::{Probe, ProbeFailure};
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::process::{self, Environment};
use crate::settings::Health;
use crate::text;

pub use units::UnitsError;

/// What was so before the switch. A baseline that is lost excuses nothing: then no unit may be failed, and the remote must be
/// reachable. That is the safe side, for it is asked only after a switch, when there is a way back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Baseline {
    /// Names of failed units; none where they are not watched or could not be listed.
    #[serde(default)]
    failed_units: Option<Vec<String>>,
    /// Whether the remote could be reached; none where it was not tried.
    #[serde(default)]
    source: Option<bool>,
    /// Programs of commands that were not to be found.
    #[serde(default)]
    missing: Vec<String>,
}

/// Why there is no baseline.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BaselineError {
    /// It could not be written.
    #[error("cannot write {file}")]
    Write {
        file: String,
        #[source]
        reason: std::io::Error,
    },
    /// The failed units could not be listed; everything else is written.
    #[error("cannot list the failed units")]
    Units(#[source] UnitsError),
}

/// Asks the probes of `[health]`.
#[derive(Clone, Debug)]
pub struct Prober {
    health: Health,
    /// Whether the host has a systemd to ask.
    systemd: bool,
    environment: Environment,
    folders: Vec<PathBuf>,
}

impl Prober {
    /// Takes the settings, whether the host has a systemd to ask, and the environment of programs: found on its PATH.
    #[must_use]
    pub fn new(health: &Health, systemd: bool, environment: Environment) -> Self {
        Self { health: health.clone(), systemd, environment, folders: Vec::new() }
    }

    /// Lets the commands find the host's own programs too: those of the system behind this link, and NixOS's wrappers.
    #[must_use]
    pub fn on_host(self, system: &Path) -> Self {
        Self { folders: process::host_folders(system).into(), ..self }
    }

    /// Returns the programs of `health.commands` that the host does not have now.
    #[must_use]
    pub fn missing_programs(&self) -> Vec<String> {
        commands::missing(&self.health.commands, &self.environment())
    }

    /// Looks at the host before a switch and writes what it finds. That outlives the power once the switch says in the same
    /// folder that it starts. A baseline that is there is kept: the switch may
    /// have been started since. `source` tries the remote once and has its own time limit.
    ///
    /// # Errors
    /// When the file could not be written, or lacks the units.
    pub async fn record_baseline(
        &self,
        file: &Path,
        source: impl Future<Output = Result<(), String>> + Send,
    ) -> Result<(), BaselineError> {
        if durable::read::<Baseline>(file).is_some() {
            return Ok(());
        }
        let units = async { if self.watches_units() { Some(self.failed_units().await) } else { None } };
        let source = async { if self.health.source { Some(source.await.is_ok()) } else { None } };
        let (units, source) = tokio::join!(units, source);
        let (failed_units, error) = match units {
            Some(Ok(names)) => (Some(names), None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        let baseline = Baseline { failed_units, source, missing: self.missing_programs() };
        let target = file.to_owned();
        tokio::task::spawn_blocking(move || durable::replace(&target, &baseline))
            .await
            .unwrap_or_else(|panic| Err(std::io::Error::other(panic)))
            .map_err(|reason| BaselineError::Write { file: file.display().to_string(), reason })?;
        error.map_or(Ok(()), |error| Err(BaselineError::Units(error)))
    }

    /// Removes a baseline, so that the next try looks anew.
    pub fn forget_baseline(&self, file: &Path) {
        if let Err(error) = durable::remove(file) {
            tracing::warn!(file = %file.display(), %error, "the state before the switch stays as it was noted");
        }
    }

    /// Asks all probes at once and returns those that failed, with a sentence for each; none when the host is healthy. `limit` bounds
    /// the time of each command; `source` has its own limit.
    pub async fn probe(
        &self,
        baseline: &Path,
        limit: Duration,
        source: impl Future<Output = Result<(), String>> + Send,
    ) -> Vec<ProbeFailure> {
        let before: Baseline = durable::read(baseline).unwrap_or_else(|| {
            tracing::warn!(file = %baseline.display(), "nothing is known of the host before the switch");
            Baseline::default()
        });
        let units = async {
            if !self.watches_units() {
                return Vec::new();
            }
            let known = before.failed_units.as_deref().unwrap_or_default();
            match self.failed_units().await {
                Ok(now) => units::sentences(&now, known, &self.health.ignore_units),
                Err(error) => vec![format!("cannot list the failed units: {error}")],
            }
        };
        let source = async {
            // What could not be reached before need not be now.
            if !self.health.source || before.source == Some(false) {
                return None;
            }
            source.await.err().map(|reason| format!("the git remote cannot be reached: {reason}"))
        };
        let environment = self.environment();
        let commands = commands::failures(&self.health.commands, &environment, &before.missing, limit);
        let (units, source, commands) = tokio::join!(units, source, commands);
        let failed = |probe, sentences: Vec<String>| {
            sentences.into_iter().map(move |it| ProbeFailure { probe, sentence: text::sentence(&it) })
        };
        let units = failed(Probe::Units, units);
        let source = failed(Probe::Remote, source.into_iter().collect());
        units.chain(source).chain(failed(Probe::Command, commands)).collect()
    }

    /// The host's own folders of programs come and go with its systems, so they are looked at anew.
    fn environment(&self) -> Environment {
        process::with_folders(self.environment.clone(), &self.folders)
    }

    fn watches_units(&self) -> bool {
        self.health.units && self.systemd
    }

    async fn failed_units(&self) -> Result<Vec<String>, UnitsError> {
        units::failed(&self.environment).await
    }
}

#[cfg(test)]
mod tests;
