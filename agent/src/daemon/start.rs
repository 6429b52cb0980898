//! From the configuration file to the turning loop.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pull_agent_core::{Event, Outbox};
use tokio::sync::{mpsc, watch};

use super::executor::Executor;
use super::host_loop::Loop;
use super::journal::Journal;
use super::notify::Notify;
use crate::api;
use crate::channels::{Counters, Snapshot};
use crate::checks::ForgeStats;
use crate::settings::{self, ConfigErrors, Settings};
use crate::signals::Asks;
use crate::store::{OpenError, Store};
use crate::view::{self, About};
use crate::{clock, git, host, tls};

/// So many answers and inputs wait at most; who sends more waits.
const QUEUE: usize = 64;

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum RunError {
    #[error("{0}")]
    Config(ConfigErrors),
    /// The state cannot be used.
    #[error("cannot open the state")]
    Store(#[source] OpenError),
    /// A directory cannot be made.
    #[error("cannot create {}", path.display())]
    Directory { path: PathBuf, source: io::Error },
    /// A driver cannot be made.
    #[error("cannot prepare the drivers: {0}")]
    Driver(String),
    /// A socket cannot be bound.
    #[error("cannot listen")]
    Listen(#[source] api::ListenError),
    /// Signals cannot be taken, or the own program cannot be found.
    #[error("cannot start")]
    System(#[source] io::Error),
}

/// Runs the daemon until a signal ends it.
///
/// # Errors
/// Only at its start; afterwards everything that fails is shown in the status and tried again.
pub async fn run(config_file: &Path) -> Result<(), RunError> {
    tls::install();
    let settings = Arc::new(settings::load(config_file).map_err(RunError::Config)?);
    let asks = Asks::new().map_err(RunError::System)?;
    let program = std::env::current_exe().map_err(RunError::System)?;
    for directory in [&settings.state.directory, &settings.state.steps(), &settings.state.log_directory] {
        fs_err::create_dir_all(directory)
            .map_err(|source| RunError::Directory { path: directory.clone(), source })?;
    }
    let (store, saved, mut warnings) =
        Store::open(&settings.state.directory, &settings.state.log_directory).map_err(RunError::Store)?;
    // What was mended or begun anew is in memory only.
    let whole = warnings.is_empty() && settings.state.directory.join("state.json").exists();
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    sweep(&settings, &mut warnings).await;

    let systemd = settings::Facts::read().systemd;
    let (events, answers) = mpsc::channel(QUEUE);
    let (inputs_in, inputs) = mpsc::channel(QUEUE);
    let (progress, progress_shown) = watch::channel(None);
    let executor =
        Executor::new(Arc::clone(&settings), program, systemd, events, progress).map_err(RunError::Driver)?;
    executor.rebuild().reset_leftovers().await;
    let in_progress = saved.deployment.as_ref().map(|deployment| deployment.id);
    let known: Vec<_> = saved.ledger.history.iter().map(|record| record.id).chain(in_progress).collect();
    executor.rebuild().forget_unknown(&known, settings.state.keep_deployments);

    let host = host::view(&settings.system);
    let outbox = if whole { Outbox::read(saved) } else { Outbox::unwritten(saved) };
    let journal = Journal::new(outbox.state());
    let about = About { started_at: clock::wall(), pid: std::process::id(), warnings };
    let first = Arc::new(Snapshot {
        settings: Arc::clone(&settings),
        status: view::status(&settings, &about, outbox.state()),
        state: outbox.state().clone(),
        forge: ForgeStats::default(),
        remote_frozen: false,
    });
    let (shown, snapshots) = watch::channel(first);
    let mut agent = Loop {
        config_file: config_file.to_owned(),
        settings: Arc::clone(&settings),
        systemd,
        about,
        outbox,
        journal,
        store: Some(store),
        executor,
        notify: Notify::new().map_err(RunError::System)?,
        answers,
        inputs,
        shown,
        reload_error: None,
        missing: Vec::new(),
    };
    agent.happened(Event::Started { host }, None).await;

    // Only now is there something true to be said.
    let api = api::Api::new(snapshots, progress_shown, inputs_in, Arc::new(Counters::default()));
    let sockets = api::listen(&settings.state, api).map_err(RunError::Listen)?;
    agent.about.warnings.extend(sockets.warnings.clone());
    agent.show();
    agent.notify.ready();
    tracing::info!(host = settings.host, version = env!("CARGO_PKG_VERSION"), "ready");
    let notify = agent.turn(asks).await;
    sockets.close();
    notify.finish();
    Ok(())
}

/// Clears away what a killed fetch left in the clone.
async fn sweep(settings: &Settings, warnings: &mut Vec<String>) {
    let repository = settings.state.repository();
    match tokio::task::spawn_blocking(move || git::sweep(&repository)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            warnings.push(format!("the clone could not be swept: {}", crate::error::chain(&error)))
        }
        Err(error) => warnings.push(format!("the clone could not be swept: {error}")),
    }
}
