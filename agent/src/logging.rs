//! Where the daemon's words go: to the journal when systemd connected it, else as lines on stderr.

use std::error::Error;
use std::ffi::OsStr;
use std::io::IsTerminal;
use std::process::ExitCode;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::text;

/// Environment variable with levels by module, for example "debug" or "info,pull_agent::git=trace". Without fields and spans: what
/// reads those brings a compiler of regular expressions into the program.
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
    let (filter, refused) = filter(std::env::var_os(FILTER).as_deref());
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
    if let Some(refused) = refused {
        tracing::warn!("{refused}");
    }
}

/// What is logged, and a sentence when that is not what was asked for.
fn filter(asked: Option<&OsStr>) -> (Targets, Option<String>) {
    let default = Targets::new().with_default(LevelFilter::INFO);
    let Some(asked) = asked else { return (default, None) };
    let asked = asked.to_string_lossy();
    match asked.parse() {
        Ok(filter) => (filter, None),
        Err(error) => {
            let asked = text::sentence(&asked);
            let refused =
                format!("{FILTER}={asked} names no levels ({error}); logging from info on, as without it");
            (default, Some(refused))
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn filtered(asked: Option<&str>) -> (Targets, Option<String>) {
        filter(asked.map(OsStr::new))
    }

    #[test]
    fn levels_go_by_module() {
        let (filter, refused) = filtered(Some("warn,pull_agent::git=trace"));
        assert_eq!(refused, None);
        assert!(filter.would_enable("pull_agent::git::poll", &Level::TRACE));
        assert!(filter.would_enable("pull_agent::store", &Level::WARN));
        assert!(!filter.would_enable("pull_agent::store", &Level::INFO));
    }

    #[test]
    fn what_names_no_levels_is_told_and_counts_as_not_set() {
        let (filter, refused) = filtered(Some("pull_agent=louder\n<0>"));
        let refused = refused.expect("a sentence");
        assert!(refused.starts_with("PULL_AGENT_LOG=pull_agent=louder"), "{refused}");
        assert!(!refused.contains('\n'), "{refused}");
        for (filter, asked) in [(filter, "nonsense"), (filtered(None).0, "nothing")] {
            assert!(filter.would_enable("pull_agent", &Level::INFO), "{asked}");
            assert!(!filter.would_enable("pull_agent", &Level::DEBUG), "{asked}");
        }
    }
}
