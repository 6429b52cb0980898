//! Plants one bug after the other in a copy of the work tree, and demands that a named test fails for each.
//!
//! The rooms: `list` reads the bugs, `tree` keeps the copy, `cargo` builds and runs one test in it.
#![expect(clippy::print_stdout, reason = "this is the program that people call")]

mod cargo;
mod list;
mod tree;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;

use cargo::{Cargo, Ran};
use list::{Bug, Test};
use tree::Tree;

/// Plants bugs in a copy of the work tree and runs the test that must catch each
#[derive(Debug, Parser)]
struct Arguments {
    /// Take only the bugs that are marked `sample = true`
    #[arg(long)]
    sample: bool,
    /// Take only bugs whose room, sentence, file or test contains one of these
    words: Vec<String>,
}

/// What became of a bug.
enum End {
    /// The named test failed.
    Caught,
    /// The named test passed, or did not end where that is no catch.
    Survived(String),
    /// Nothing was shown: the entry is out of date.
    Broken(String),
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let root = workspace();
    let mut bugs = list::read(&root)?;
    bugs.retain(|bug| bug.sample || !arguments.sample);
    bugs.retain(|bug| arguments.words.is_empty() || arguments.words.iter().any(|word| bug.mentions(word)));
    ensure!(!bugs.is_empty(), "no bug of the list is meant");
    // What needs the same build comes together, so that little is built anew from one to the next.
    bugs.sort_by(|a, b| (&a.caught_by, &a.file, &a.is).cmp(&(&b.caught_by, &b.file, &b.is)));

    let tree = Tree::copy(&root)?;
    let cargo = Cargo::new(&tree);
    println!("{} bugs; first their tests on the unbroken tree", bugs.len());
    let unsound = unsound(&cargo, &bugs)?;

    let (mut caught, mut survived, mut broken) = (0, 0, 0);
    for bug in &bugs {
        let begin = Instant::now();
        let end = if unsound.contains(&bug.caught_by) {
            End::Broken(format!("its test is unsound: {}", bug.caught_by.command()))
        } else {
            plant(&tree, &cargo, bug)?
        };
        let seconds = begin.elapsed().as_secs();
        let title = format!("{}: {} ({seconds} s)", bug.room, bug.is);
        match end {
            End::Caught => {
                caught += 1;
                println!("caught    {title}");
            }
            End::Survived(how) => {
                survived += 1;
                println!("SURVIVED  {title}\n          {how}: {}", bug.caught_by.command());
            }
            End::Broken(why) => {
                broken += 1;
                println!("BROKEN    {title}\n{}", indented(&why));
            }
        }
    }
    println!("{caught} caught, {survived} survived, {broken} broken");
    Ok(if survived + broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_owned()
}

/// Runs the tests on the tree as it is. Returns those that do not pass there, which show nothing, after saying why.
fn unsound(cargo: &Cargo, bugs: &[Bug]) -> Result<BTreeSet<Test>> {
    let mut unsound = BTreeSet::new();
    let mut tests: Vec<&Test> = bugs.iter().map(|bug| &bug.caught_by).collect();
    tests.dedup();
    for together in tests.chunk_by(|a, b| a.target == b.target) {
        let Some(first) = together.first() else { continue };
        println!("building  {} {}", first.target.package, first.target.which.join(" "));
        if let Err(output) = cargo.build(first)? {
            bail!("the tree does not build as it is:\n{output}");
        }
        for test in together {
            let why = match cargo.run(test)? {
                Ran::Passed => continue,
                Ran::Failed(output) => format!("it fails on the unbroken tree:\n{output}"),
                Ran::Hung => "it does not end on the unbroken tree".to_owned(),
                Ran::Nothing(output) => format!("there is no such test:\n{output}"),
            };
            println!("UNSOUND   {}\n{}", test.command(), indented(&why));
            unsound.insert((*test).clone());
        }
    }
    Ok(unsound)
}

/// Plants one bug, runs its test, and takes the bug out again.
fn plant(tree: &Tree, cargo: &Cargo, bug: &Bug) -> Result<End> {
    let file = tree.path(&bug.file);
    let Ok(text) = std::fs::read_to_string(&file) else {
        return Ok(End::Broken(format!("{} cannot be read", bug.file)));
    };
    let mutated = match bug.applied_to(&text) {
        Ok(mutated) => mutated,
        Err(why) => return Ok(End::Broken(why)),
    };
    let write = |text: &str| {
        std::fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))
    };
    write(&mutated)?;
    let end = judge(cargo, bug);
    write(&text)?;
    end
}

fn judge(cargo: &Cargo, bug: &Bug) -> Result<End> {
    if let Err(output) = cargo.build(&bug.caught_by)? {
        return Ok(End::Broken(format!("the bug does not compile:\n{output}")));
    }
    Ok(match (cargo.run(&bug.caught_by)?, bug.hangs) {
        (Ran::Failed(_), false) | (Ran::Hung, true) => End::Caught,
        (Ran::Failed(_), true) => {
            End::Survived("the test fails instead of hanging; take `hangs` out".to_owned())
        }
        (Ran::Passed, _) => End::Survived("the test passes".to_owned()),
        (Ran::Hung, false) => End::Survived("the test does not end".to_owned()),
        (Ran::Nothing(output), _) => End::Broken(format!("the test did not run:\n{output}")),
    })
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("          {line}")).collect::<Vec<_>>().join("\n")
}
