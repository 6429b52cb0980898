//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use pull_agent_text::duration;

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or good
  1  it failed: the build failed, it was rolled back, refused or red
  2  the command line is wrong
  3  the agent cannot be reached
  4  not permitted
  5  not decided within the timeout";

/// Say what the pull-agent of a host does and why, and give it the operator's word
#[derive(Debug, Parser)]
#[command(name = "agentctl", version, after_help = EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Arguments {
    /// Socket of the agent; what changes things goes to control.sock beside it
    #[arg(long, global = true, value_name = "PATH", default_value = pull_agent_protocol::DEFAULT_SOCKET)]
    pub(super) socket: PathBuf,
    /// Ask the listener of another host; reads and nudges only
    #[arg(long, global = true, value_name = "NAME[:PORT]", conflicts_with = "socket")]
    pub(super) host: Vec<String>,
    /// Print one JSON document and nothing else
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say what runs, what is wanted, what it waits for and why the last deployment failed
    Status,
    /// Follow phases, progress and log lines as they come
    Watch,
    /// List past deployments, newest first
    History {
        /// How many
        #[arg(short, value_name = "N", default_value_t = 10)]
        number: usize,
    },
    /// Print the log of a deployment
    Logs {
        /// Number of the deployment; without it the one in progress, else the last
        deployment: Option<u64>,
        /// Go on until the deployment has ended
        #[arg(short, long)]
        follow: bool,
    },
    /// Show package changes between the running system and the newest built one (not in this version yet)
    Diff,
    /// Have the agent look at the branch now
    Nudge {
        /// Full commit id that should be on the branch by now
        #[arg(long, value_name = "SHA", value_parser = full_revision)]
        revision: Option<String>,
        /// Wait until the outcome is known; without --revision that of the tip that the look finds
        #[arg(long)]
        wait: bool,
        /// How long to wait
        #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = length, requires = "wait")]
        timeout: Duration,
    },
    /// Start no new deployments
    Pause {
        /// End the pause by itself after this time
        #[arg(long = "for", value_name = "DURATION", value_parser = length)]
        length: Option<Duration>,
        /// Why, for whoever reads the status
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// End the pause
    Resume,
    /// Forget a hold, so that the revision is tried again
    Retry {
        /// The held revision, or its first digits; without it all of them
        #[arg(value_parser = revision)]
        revision: Option<String>,
    },
    /// Allow one revision that is no descendant of the deployed one, once
    Accept {
        /// The refused revision, or its first digits
        #[arg(value_parser = revision)]
        revision: String,
    },
    /// Deploy a revision of the repository now (not in this version yet)
    Deploy {
        /// The revision
        #[arg(value_parser = revision)]
        revision: String,
        /// Do not ask for its checks
        #[arg(long)]
        without_checks: bool,
    },
    /// Activate what ran before, or at a past deployment (not in this version yet)
    Rollback {
        /// Number of the deployment
        deployment: Option<u64>,
    },
    /// Check everything that the agent needs (not in this version yet)
    Doctor,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

/// Fewest digits of an abbreviated revision, as in git.
const FEWEST_DIGITS: usize = 4;

fn revision(text: &str) -> Result<String, String> {
    let hexadecimal = text.bytes().all(|b| b.is_ascii_hexdigit());
    if hexadecimal && (FEWEST_DIGITS..=40).contains(&text.len()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("a revision is 4 to 40 hexadecimal digits".to_owned())
    }
}

fn full_revision(text: &str) -> Result<String, String> {
    revision(text)
        .ok()
        .filter(|digits| digits.len() == 40)
        .ok_or_else(|| "a full revision is 40 hexadecimal digits".to_owned())
}

fn length(text: &str) -> Result<Duration, String> {
    let allowed = |wrong| format!("{wrong}; allowed: {}", duration::ALLOWED);
    let read = duration::parse(text).map_err(allowed)?;
    if read.is_zero() { Err(allowed("nothing is no length of time".to_owned())) } else { Ok(read) }
}
