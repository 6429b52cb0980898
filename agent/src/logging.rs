//! Where the daemon's words go: to the journal when systemd connected it, else as lines on stderr.

use std::error::Error;
use std::io::IsTerminal;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Environment variable with the filter of tracing-subscriber, for example "pull_agent=debug".
const FILTER: &str = "PULL_AGENT_LOG";

/// Runs an entry point to its end on a runtime of one thread, with logging; an error becomes one line and exit code 1.
pub fn run<E: Error>(entry: impl Future<Output = Result<(), E>>) -> ExitCode {
    init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime cannot be started");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(entry);
    // What still blocks is a look at the disk; the end of the process is its end.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", crate::error::chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn init() {
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    // systemd sets JOURNAL_STREAM for a service whose stderr is the journal (systemd.exec(5)).
    let journal = std::env::var_os("JOURNAL_STREAM").and_then(|_| tracing_journald::layer().ok());
    match journal {
        Some(journal) => registry.with(journal.with_syslog_identifier("pull-agent".to_owned())).init(),
        None => {
            let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
            registry.with(lines.with_ansi(std::io::stderr().is_terminal())).init();
        }
    }
}
