//! The daemon's program.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [step, file] if step == "step" => pull_agent::rebuild::step_main(Path::new(file)),
        _ => ExitCode::from(2),
    }
}
