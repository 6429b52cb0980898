//! Tests that a machine cannot run say so: one that returns without a word looks as good as one that passed.

use std::io::Write as _;

/// Says, past the capture of the test harness, that this test is left out and why.
pub fn left_out(why: &str) {
    let thread = std::thread::current();
    let line = format!("left out: {}: {why}\n", thread.name().unwrap_or("a test"));
    // Where nobody reads stderr there is nobody to tell.
    drop(std::io::stderr().write_all(line.as_bytes()));
}

/// Whether this test may do what only root may; says so where it may not.
///
/// # Panics
/// With `CI=true` in the environment: there nothing that needs root may be left out.
#[must_use]
pub fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        left_out("only root may do this");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI=true, and yet not root");
    }
    is_root
}
