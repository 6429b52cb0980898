//! The recipes of the book for CI: they succeed only when the host runs the revision.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// Stands in for curl: takes the next line of `answers` for each question after a revision, and every nudge.
const CURL: &str = r#"#!/bin/sh
folder=$(dirname "$0")
while [ $# -gt 0 ]; do
  case $1 in
    -w) format=$2 && shift ;;
    http://*) url=$1 ;;
  esac
  shift
done
case $url in */v1/nudge) exit 0 ;; esac
echo asked >> "$folder/asked"
code=$(sed -n "$(wc -l < "$folder/asked")p" "$folder/answers")
[ -n "$code" ] || code=504
printf "$(echo "$format" | sed "s/%{http_code}/$code/")"
[ "$code" != 000 ]
"#;

/// Waiting is over at once.
const SLEEP: &str = "#!/bin/sh\nexit 0\n";

/// The first block of shell in a page of the book that asks after a revision.
fn recipe(page: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page);
    let text = std::fs::read_to_string(file).expect("the page is there");
    let mut blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.contains("/v1/revisions/$")).expect("the page has a recipe").to_owned()
}

fn run(recipe: &str, answers: &[&str]) -> (Output, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    for (name, text) in [("curl", CURL), ("sleep", SLEEP)] {
        std::fs::write(file(name), text).expect("a program");
        std::fs::set_permissions(file(name), std::fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    std::fs::write(file("answers"), answers.join("\n") + "\n").expect("a file");
    std::fs::write(file("answer.json"), "").expect("a file");
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").expect("it is set"));
    // As a step of GitHub Actions is run: every command that fails ends it.
    let output = Command::new("sh")
        .args(["-ec", recipe, "sh", "yggdrasil"])
        .env("PATH", path)
        .env("GITHUB_SHA", "3f2a91c3f2a91c3f2a91c3f2a91c3f2a91c3f2a9")
        .current_dir(folder.path())
        .output()
        .expect("a shell");
    let asked = std::fs::read_to_string(file("asked")).expect("it asked").lines().count();
    (output, asked)
}

#[track_caller]
fn check(answers: &[&str], succeeds: bool) {
    for page in ["README.md", "docs/nudge.md"] {
        let (output, asked) = run(&recipe(page), answers);
        assert_eq!(output.status.success(), succeeds, "{page}: {output:?}");
        assert_eq!(asked, answers.len(), "{page}: {output:?}");
    }
}

#[test]
fn only_a_host_that_runs_it_is_a_success() {
    check(&["200"], true);
    check(&["409"], false);
    check(&["500"], false);
}

#[test]
fn everything_else_is_asked_again() {
    check(&["202", "404", "504", "503", "000", "200"], true);
    check(&["504", "000", "500"], false);
    check(&["404", "409"], false);
}

#[test]
fn what_is_never_decided_is_no_success() {
    let (output, asked) = run(&recipe("README.md"), &["504"]);
    assert!(!output.status.success() && asked > 1, "{output:?}");
}
