//! The agent's git module against real and hostile servers.

mod bed;
mod below;
mod clone;
mod fetch;
mod hostile_fetch;
mod hostile_poll;
mod kill;
mod odd;
mod poll;
mod prove;
mod signed;
mod ssh;

/// A file that nobody lists is a test that never runs.
#[test]
fn every_file_is_listed() {
    let main = include_str!("main.rs");
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    for entry in std::fs::read_dir(dir).expect("the folder of this file").flatten() {
        let path = entry.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a plain name").to_owned();
        assert!(stem == "main" || main.contains(&format!("mod {stem};")), "{stem} is not listed");
    }
}
