//! `pull-agent`: the daemon, the tailnet listener and the check of the configuration.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use pull_agent::settings::{self, Facts};
use pull_agent::{daemon, git, listen, logging, rebuild};

/// Where the configuration is when nothing else is said.
const CONFIG: &str = "/etc/pull-agent/config.toml";

/// Follow main on a NixOS host and switch to what CI has proven to build.
#[derive(Debug, Parser)]
#[command(name = "pull-agent", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon
    Run {
        /// Configuration file
        #[arg(long, value_name = "FILE", default_value = CONFIG)]
        config: PathBuf,
    },
    /// Run the tailnet listener, without privileges
    Listen {
        /// Configuration file
        #[arg(long, value_name = "FILE", default_value = CONFIG)]
        config: PathBuf,
        /// User to become when started as root [default: nobody]
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Check a configuration file and name every problem with its key and line
    CheckConfig {
        /// Configuration file
        #[arg(value_name = "FILE", default_value = CONFIG)]
        file: PathBuf,
        /// Do not look whether the files that it names exist, for a check where a package builds
        #[arg(long)]
        no_files: bool,
    },
    /// Run one step that touches the host
    #[command(hide = true)]
    Step {
        /// What the step is
        file: PathBuf,
    },
    /// Talk to the remote in a process that can be killed
    #[command(hide = true)]
    Fetch,
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run { config } => logging::run(daemon::run(&config)),
        Command::Listen { config, user } => logging::run(listen::start(&config, user.as_deref())),
        Command::CheckConfig { file, no_files } => check_config(&file, no_files),
        Command::Step { file } => rebuild::step_main(&file),
        Command::Fetch => git::child_main(),
    }
}

fn check_config(file: &Path, no_files: bool) -> ExitCode {
    let facts = Facts { sees_files: !no_files, ..Facts::read() };
    // Where neither stdout nor stderr can be written, only the exit code is left to say so.
    settings::check_config(file, &facts).unwrap_or(ExitCode::FAILURE)
}
