//! `agentctl`: what the agent on a host does and why, and the operator's word to it. A client of the agent's sockets that
//! knows nothing of the agent but the wire types of `pull-agent-protocol`: it never touches the host, the state, the
//! configuration or the remote itself, and never decides anything. What it prints for people is made of the documents that
//! `--json` prints as they are.

mod args;
mod client;
mod commands;
mod error;
mod events;
mod render;
mod screen;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use args::Arguments;
use error::{Error, Failure};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => {
            let told = usage.print();
            return if told.is_ok() && usage.exit_code() == 0 {
                ExitCode::SUCCESS
            } else {
                Failure::Usage.into()
            };
        }
    };
    let ended = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(commands::run(arguments)));
    match ended {
        Ok(code) => code,
        Err(error) => say(&error),
    }
}

/// One sentence on stderr, and the command that helps.
fn say(error: &Error) -> ExitCode {
    if error.is_closed_pipe() {
        return ExitCode::SUCCESS;
    }
    let mut text = format!("error: {}\n", screen::harmless(&error.to_string()));
    if let Some(hint) = error.hint() {
        text.push_str(&format!("hint: {}\n", screen::harmless(hint)));
    }
    match std::io::stderr().lock().write_all(text.as_bytes()) {
        // Nobody is left to be told when not even stderr can be written; the exit code still says it.
        Ok(()) | Err(_) => error.failure().into(),
    }
}
