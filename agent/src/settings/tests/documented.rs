//! `docs/configuration.md` and the code name the same keys and the same defaults.

use std::collections::BTreeSet;

use super::{SMALLEST, accepted, facts};
use crate::settings::raw::Document;
use crate::settings::validate;

const BOOK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md"));

/// The dotted names of all keys of the program, without the sections.
fn keys() -> BTreeSet<String> {
    let (document, table) = Document::parse(SMALLEST);
    validate::settings(&mut document.root(&table), &facts());
    let asked = document.asked();
    let is_section = |key: &str| asked.iter().any(|other| other.starts_with(&format!("{key}.")));
    asked.iter().filter(|key| !is_section(key)).cloned().collect()
}

/// The only TOML block that names every key.
fn block() -> &'static str {
    let (_, rest) = BOOK.split_once("```toml\nhost = ").expect("the block of all keys");
    let end = rest.find("```").expect("its end");
    let start = BOOK.len() - rest.len() - "host = ".len();
    &BOOK[start..start + "host = ".len() + end]
}

#[test]
fn the_block_of_the_book_is_all_defaults() {
    assert_eq!(accepted(block()), accepted(SMALLEST));
}

#[test]
fn the_block_of_the_book_names_every_key() {
    let table: toml::Table = block().parse().expect("TOML");
    let mut named = BTreeSet::new();
    collect(&table, "", &mut named);
    assert_eq!(named, keys());
}

#[test]
fn every_key_has_its_line_in_a_table() {
    for key in keys() {
        let name = key.rsplit('.').next().expect("a name");
        let section = key.strip_suffix(name).expect("a prefix").trim_end_matches('.');
        let heading =
            if section.is_empty() { "\n## The host\n".to_owned() } else { format!("\n## `[{section}]`") };
        let (_, rest) = BOOK.split_once(&heading).unwrap_or_else(|| panic!("no heading {heading:?}"));
        let part = rest.split("\n## ").next().expect("a part");
        assert!(part.contains(&format!("\n| `{name}` |")), "{key} has no line in its section");
    }
}

fn collect(table: &toml::Table, prefix: &str, names: &mut BTreeSet<String>) {
    for (key, value) in table {
        match value.as_table() {
            Some(inner) => collect(inner, &format!("{prefix}{key}."), names),
            None => drop(names.insert(format!("{prefix}{key}"))),
        }
    }
}
