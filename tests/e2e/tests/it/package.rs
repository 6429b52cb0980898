//! The package of `nixos/package.nix`: what it takes from this repository is enough for what it does with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

fn package() -> String {
    std::fs::read_to_string(root().join("nixos/package.nix")).expect("the package is there")
}

/// The words between `start` and the next closing bracket, without comments.
fn list(text: &str, start: &str) -> Vec<String> {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("the package has no {start:?}"));
    let (list, _) = rest.split_once(']').expect("the list ends");
    let code = list.lines().filter_map(|line| line.split('#').next());
    code.flat_map(str::split_whitespace).map(|word| word.trim_matches('"').to_owned()).collect()
}

/// Copies what the package's file set names: of a folder what git knows, as a flake does. Times stay, so that cargo sees
/// what has changed.
fn copy_source(to: &Path) {
    if to.exists() {
        std::fs::remove_dir_all(to).expect("what an earlier run left can be removed");
    }
    let places = list(&package(), "lib.fileset.unions [");
    assert!(places.iter().all(|place| place.starts_with("../") || place.starts_with("./")), "{places:?}");
    let mut git = Command::new("git");
    git.current_dir(root().join("nixos"));
    git.args(["ls-files", "-z", "--full-name", "--cached", "--others", "--exclude-standard", "--"])
        .args(&places);
    let output = git.output().expect("git runs");
    assert!(output.status.success(), "{}", told(&output));
    let files = String::from_utf8(output.stdout).expect("names are text");
    for file in files.split_terminator('\0') {
        let (here, there) = (root().join(file), to.join(file));
        // One that is deleted and not committed yet is still in git's list.
        let Ok(metadata) = here.metadata() else { continue };
        std::fs::create_dir_all(there.parent().expect("a folder")).expect("a folder can be made");
        std::fs::copy(&here, &there).expect("a file can be copied");
        let copy = std::fs::File::options().append(true).open(&there);
        let modified = metadata.modified().expect("a file has a time");
        copy.and_then(|copy| copy.set_modified(modified)).expect("a copy has the time of its model");
    }
}

fn cargo(folder: &Path, arguments: &[&str]) -> Output {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package-target");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(folder).args(arguments).env("CARGO_TARGET_DIR", target);
    cargo.output().expect("cargo runs")
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn its_tests_pass_with_the_files_that_it_takes() {
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package-source");
    copy_source(&source);
    // Where the package is installed from: its units.
    for unit in ["pull-agent.service", "pull-agent-listener.service"] {
        assert!(source.join("nixos/systemd").join(unit).is_file(), "{unit}");
    }
    let flags = list(&package(), "cargoTestFlags = [");
    let mut test = vec!["test", "--offline", "--locked"];
    test.extend(flags.iter().map(String::as_str));
    let output = cargo(&source, &test);
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("test result: ok. "), "no test was run: {}", told(&output));
}

#[test]
fn every_target_of_the_workspace_has_its_file() {
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package-members");
    copy_source(&source);
    let output = cargo(&source, &["metadata", "--offline", "--locked", "--no-deps", "--format-version=1"]);
    assert!(output.status.success(), "{}", told(&output));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let files = packages.iter().flat_map(|package| package["targets"].as_array().expect("targets"));
    let files: Vec<_> = files.filter_map(|target| target["src_path"].as_str()).collect();
    assert!(files.len() > packages.len(), "{files:?}");
    for file in files {
        assert!(Path::new(file).starts_with(&source) && Path::new(file).is_file(), "{file}");
    }
}
