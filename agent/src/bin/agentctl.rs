//! `agentctl`: what the agent on a host does and why, and the operator's word to it.

use std::process::ExitCode;

fn main() -> ExitCode {
    pull_agent::ctl::main()
}
