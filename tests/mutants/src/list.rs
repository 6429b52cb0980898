//! The bugs: one TOML file for each room of the program, in `tests/mutants/list`.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// Where the list is, from the root of the workspace.
const FOLDER: &str = "tests/mutants/list";

/// One bug: a change in one place of one file, and the test that must not pass with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bug {
    /// The room: the name of the list's file.
    #[serde(skip)]
    pub(crate) room: String,
    /// What the program does wrong with it, as a sentence.
    pub(crate) is: String,
    /// The file, from the root of the workspace.
    pub(crate) file: String,
    /// What stands there, exactly once.
    find: String,
    /// What stands there with the bug.
    replace: String,
    /// The test.
    pub(crate) caught_by: Test,
    /// Whether it is one of the few that `make test` plants.
    #[serde(default)]
    pub(crate) sample: bool,
    /// Whether the test catches it by not coming to an end.
    #[serde(default)]
    pub(crate) hangs: bool,
}

/// A test as cargo is asked for it: `PACKAGE --lib NAME` or `PACKAGE --test TARGET NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Test {
    /// The package and its target, which are built together.
    pub(crate) target: Target,
    /// Full name of the test in there.
    pub(crate) name: String,
}

/// A test binary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    pub(crate) package: String,
    /// `--lib`, or `--test` and a name.
    pub(crate) which: Vec<String>,
}

/// Reads all of the list, in the order of its files.
pub(crate) fn read(root: &Path) -> Result<Vec<Bug>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Room {
        bug: Vec<Bug>,
    }
    let folder = root.join(FOLDER);
    let entries = folder.read_dir().with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    let mut bugs = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        let room: Room = toml::from_str(&text).with_context(|| file.display().to_string())?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        bugs.extend(room.bug.into_iter().map(|bug| Bug { room: name.clone(), ..bug }));
    }
    Ok(bugs)
}

impl Bug {
    /// Whether a word stands in its room, sentence, file or test.
    pub(crate) fn mentions(&self, word: &str) -> bool {
        [&self.room, &self.is, &self.file, &self.caught_by.name].iter().any(|text| text.contains(word))
    }

    /// Plants it in the text of its file, or says why it does not fit there.
    pub(crate) fn applied_to(&self, text: &str) -> Result<String, String> {
        match text.matches(&self.find).count() {
            1 => Ok(text.replacen(&self.find, &self.replace, 1)),
            count => Err(format!(
                "`find` stands {count} times in {}, not once: adapt the entry to the code, or its sentence if the code \
                 has no such place any more\n{}",
                self.file, self.find
            )),
        }
    }
}

impl Test {
    /// The command that runs it by hand.
    pub(crate) fn command(&self) -> String {
        let Target { package, which } = &self.target;
        format!("cargo test -p {package} {} {} -- --exact", which.join(" "), self.name)
    }
}

impl TryFrom<String> for Test {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (package, which, name) = match words.as_slice() {
            [package, "--lib", name] => (package, vec!["--lib".to_owned()], name),
            [package, "--test", target, name] => {
                (package, vec!["--test".to_owned(), (*target).to_owned()], name)
            }
            _ => {
                return Err(format!("{text:?} is neither PACKAGE --lib NAME nor PACKAGE --test TARGET NAME"));
            }
        };
        Ok(Self { target: Target { package: (*package).to_owned(), which }, name: (*name).to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Fails as soon as code that an entry is about has moved, long before anybody plants the bug.
    #[test]
    fn every_bug_has_its_place_and_its_test() {
        let root = crate::workspace();
        let bugs = read(&root).expect("the list can be read");
        let mut problems = Vec::new();
        let mut seen = BTreeSet::new();
        for bug in &bugs {
            let text = std::fs::read_to_string(root.join(&bug.file)).unwrap_or_default();
            let mut problem = |why: String| problems.push(format!("{}: {}: {why}", bug.room, bug.is));
            if let Err(why) = bug.applied_to(&text) {
                problem(why);
            }
            if bug.find == bug.replace {
                problem("it changes nothing".to_owned());
            }
            if !seen.insert((&bug.file, &bug.find, &bug.replace)) {
                problem("it is there twice".to_owned());
            }
            if !has_test(&root, &bug.caught_by) {
                problem(format!("there is no test {}", bug.caught_by.name));
            }
        }
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    /// Whether the package has a function of this name in a file of this module or of one above it.
    fn has_test(root: &Path, test: &Test) -> bool {
        let manifest = format!("name = \"{}\"", test.target.package);
        let members =
            ["agent", "agent/core", "agent/ctl", "agent/text", "protocol"].map(|folder| root.join(folder));
        let suites = root.join("tests").read_dir().expect("a folder").flatten().map(|entry| entry.path());
        let package = members.into_iter().chain(suites).find(|folder| {
            let text = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
            text.lines().any(|line| line == manifest)
        });
        let mut modules: Vec<&str> = test.name.split("::").collect();
        let function = format!("fn {}(", modules.pop().unwrap_or_default());
        let above = (0..=modules.len()).map(|count| modules[..count].join("/"));
        let top = match test.target.which.as_slice() {
            [_, target] => format!("tests/{target}"),
            _ => "src".to_owned(),
        };
        let files = above.flat_map(|path| {
            ["", "/mod", "/main", "/lib"].map(|name| format!("{top}/{path}{name}.rs").replace("//", "/"))
        });
        package.is_some_and(|package| {
            files
                .map(|file| package.join(file.replace("/.rs", ".rs")))
                .any(|file| std::fs::read_to_string(file).is_ok_and(|text| text.contains(&function)))
        })
    }

    fn bug(find: &str) -> Bug {
        let text = format!(
            "is = 'x'\nfile = 'x.rs'\nfind = '{find}'\nreplace = 'b'\ncaught_by = 'pull-agent --lib a::b'"
        );
        toml::from_str(&text).expect("an entry")
    }

    #[test]
    fn a_bug_is_planted_in_one_place_only() {
        assert_eq!(bug("a <").applied_to("if a < 1"), Ok("if b 1".to_owned()));
        for text in ["if c < 1", "if a < 1 && a < 2"] {
            assert!(bug("a <").applied_to(text).expect_err("no place").contains("times in x.rs"));
        }
    }

    #[test]
    fn a_test_is_named_as_cargo_is_asked_for_it() {
        let test = |text: &str| Test::try_from(text.to_owned());
        let words = "pull-agent-e2e --test it api::status";
        assert_eq!(test(words).expect("a test").command(), format!("cargo test -p {words} -- --exact"));
        for bad in ["pull-agent a::b", "pull-agent --test a::b", "pull-agent --lib", ""] {
            assert!(test(bad).is_err(), "{bad}");
        }
    }
}
