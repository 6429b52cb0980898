//! The configuration of one host, key by key.

use std::path::Path;

use toml::{Table, Value};

/// A configuration file that is being written.
#[derive(Clone, Debug, Default)]
pub struct Config(Table);

impl Config {
    /// Sets a key by its dotted name: `config.set("health.deadline", "3s")`.
    ///
    /// # Panics
    /// When a part of the name is no table.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        let (sections, name) = key.rsplit_once('.').unwrap_or(("", key));
        let mut table = &mut self.0;
        for section in sections.split('.').filter(|section| !section.is_empty()) {
            let entry = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            table = entry.as_table_mut().expect("a section is a table");
        }
        table.insert(name.to_owned(), value.into());
        self
    }

    /// Sets a key to a path.
    pub fn set_path(&mut self, key: &str, path: &Path) -> &mut Self {
        self.set(key, path.display().to_string())
    }

    /// The text of the file.
    ///
    /// # Panics
    /// Never: a table of TOML values is TOML.
    #[must_use]
    pub fn text(&self) -> String {
        toml::to_string(&self.0).expect("a table is TOML")
    }
}
