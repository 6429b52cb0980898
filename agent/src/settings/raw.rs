//! The configuration as written: tables and values of the file with their lines. It knows no key by itself: a section is
//! asked for its keys one by one, and what nobody asked for is an unknown key. (A derived `Deserialize` stops at the
//! first problem; an operator wants all of them at once.)

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Problem;

/// A value with its place in the file.
pub(super) type Value<'d> = Spanned<DeValue<'d>>;

/// The text of one file and what is wrong with it.
#[derive(Debug)]
pub(super) struct Document<'d> {
    text: &'d str,
    problems: RefCell<Vec<Problem>>,
    asked: RefCell<Vec<String>>,
}

impl<'d> Document<'d> {
    /// Reads TOML. Errors of syntax are left in the document; what could be read beside them says nothing reliable.
    pub(super) fn parse(text: &'d str) -> (Self, DeTable<'d>) {
        let document = Self { text, problems: RefCell::default(), asked: RefCell::default() };
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let message = format!("not valid TOML: {}", error.message().replace('\n', ", "));
            document.push(String::new(), error.span().map(|s| s.start), message);
        }
        (document, table.into_inner())
    }

    /// Returns the problems in the order of their lines, those without a line first.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = self.problems.borrow().clone();
        problems.sort_by_key(|p| p.line);
        problems
    }

    /// Returns the dotted name of every key that was asked for.
    #[cfg(test)]
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// The whole file as a section without a name.
    pub(super) fn root(&'d self, table: &'d DeTable<'d>) -> Section<'d> {
        Section { document: self, name: String::new(), start: None, table: Some(table), known: Vec::new() }
    }

    fn push(&self, key: String, at: Option<usize>, message: String) {
        let line = at.map(|at| 1 + self.text.bytes().take(at).filter(|b| *b == b'\n').count());
        self.problems.borrow_mut().push(Problem { key, line, message });
    }
}

/// One table of the file.
#[derive(Debug)]
pub(super) struct Section<'d> {
    document: &'d Document<'d>,
    name: String,
    start: Option<usize>,
    table: Option<&'d DeTable<'d>>,
    known: Vec<&'static str>,
}

impl<'d> Section<'d> {
    /// Opens a table within this one; an absent one is empty.
    pub(super) fn section(&mut self, name: &'static str) -> Self {
        let table = self.value(name).and_then(|value| {
            let table = value.get_ref().as_table();
            if table.is_none() {
                self.problem(
                    name,
                    format!("{} is no section; allowed: a table of keys", shown(value.get_ref())),
                );
            }
            table
        });
        let start = self.span(name).map(|s| s.start);
        Self { document: self.document, name: self.dotted(name), start, table, known: Vec::new() }
    }

    /// Reads one key by `convert`, which brings the value or has complained; an absent key is `default`.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        default: T,
        convert: impl FnOnce(&'d Value<'d>, &mut Faults) -> Option<T>,
    ) -> T {
        let Some(value) = self.value(key) else { return default };
        let mut faults = Faults(Vec::new());
        let converted = convert(value, &mut faults);
        for (span, message) in faults.0 {
            self.document.push(self.dotted(key), Some(span.start), message);
        }
        converted.unwrap_or(default)
    }

    /// Says that something is wrong with a key that was read, or that is missing.
    pub(super) fn problem(&self, key: &str, message: String) {
        let at = self.span(key).map(|s| s.start).or(self.start);
        self.document.push(self.dotted(key), at, message);
    }

    /// Whether the file has this key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.span(key).is_some()
    }

    /// Whether something was complained about this key already.
    pub(super) fn complained(&self, key: &str) -> bool {
        let dotted = self.dotted(key);
        self.document.problems.borrow().iter().any(|problem| problem.key == dotted)
    }

    /// Complains about every key that was not asked for.
    pub(super) fn finish(self) {
        for key in self.table.into_iter().flat_map(|t| t.keys()) {
            let name: &str = key.get_ref();
            if !self.known.contains(&name) {
                let place =
                    if self.name.is_empty() { "here".to_owned() } else { format!("in [{}]", self.name) };
                let meant = nearest(name, &self.known).map(|near| format!("; did you mean {near:?}"));
                let meant = meant.unwrap_or_default();
                let message = format!("unknown key{meant}; allowed {place}: {}", self.known.join(", "));
                self.document.push(
                    pull_agent_text::clean(&self.dotted(name)),
                    Some(key.span().start),
                    message,
                );
            }
        }
    }

    fn value(&mut self, key: &'static str) -> Option<&'d Value<'d>> {
        self.known.push(key);
        self.document.asked.borrow_mut().push(self.dotted(key));
        self.table?.get(key)
    }

    fn span(&self, key: &str) -> Option<Range<usize>> {
        self.table?.get_key_value(key).map(|(key, _)| key.span())
    }

    fn dotted(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

/// What is wrong with one value, each with its place.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(Range<usize>, String)>);

impl Faults {
    /// Complains about `value`.
    pub(super) fn push(&mut self, value: &Value<'_>, message: String) {
        self.0.push((value.span(), message));
    }

    /// Complains about what another one did, with more that would have been allowed.
    pub(super) fn take(&mut self, other: Self, allowed_too: &str) {
        self.0.extend(other.0.into_iter().map(|(place, message)| (place, message + allowed_too)));
    }
}

/// The kind of a value, where the value itself may not be said.
pub(super) const fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// A value as it is said in messages.
pub(super) fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the string {text:?}"),
        DeValue::Integer(n) => format!("the number {n}"),
        DeValue::Float(n) => format!("the number {n}"),
        DeValue::Boolean(b) => format!("the boolean {b}"),
        DeValue::Datetime(d) => format!("the date {d}"),
        DeValue::Array(_) | DeValue::Table(_) => kind(value).to_owned(),
    }
}

fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let scored = known.iter().map(|key| (strsim::damerau_levenshtein(name, key), *key));
    scored
        .filter(|(distance, key)| *distance <= key.len().div_ceil(3))
        .min_by_key(|(d, _)| *d)
        .map(|(_, key)| key)
}
