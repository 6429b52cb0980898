//! The agent's fetch child as a program of its own, for tests that have no daemon at hand.

fn main() -> std::process::ExitCode {
    pull_agent::git::child_main()
}
