//! What each key means and allows: one function per section, which reads it whole and complains about all of it. The
//! only input is whether the files that are named are there.

mod gate;
mod health;
mod nudge;
mod rebuild;
mod source;
mod state;
mod trust;
mod url;

use super::facts::Facts;
use super::raw::Section;
use super::{Settings, convert};

pub(super) use nudge::nudge;
pub(super) use state::state;

/// Reads everything. What it returns counts only when the document has no problem afterwards.
pub(super) fn settings(root: &mut Section<'_>, facts: &Facts) -> Settings {
    let mut warnings = Vec::new();
    let host = host(root, facts);
    let (source, location) = source::source(root.section("source"), facts, &mut warnings);
    let gate = gate::gate(root.section("gate"), facts, &host, &source, location.as_ref(), &mut warnings);
    let trust = trust::trust(root.section("trust"), facts);
    later(root);
    let rebuild = rebuild::rebuild(root.section("rebuild"), facts);
    let system = rebuild::system(root.section("system"));
    let health = health::health(root.section("health"), &host);
    let nudge = nudge(root.section("nudge"), &mut warnings);
    let state = state(root.section("state"));
    Settings { host, source, gate, trust, rebuild, system, health, nudge, state, warnings }
}

/// The flake attribute of this host: the first label of the machine's name, unless it is given.
pub(super) fn host(root: &mut Section<'_>, facts: &Facts) -> String {
    let read = root.read("host", None, |value, faults| convert::text(host_name)(value, faults).map(Some));
    if let Some(host) = read {
        return host;
    }
    let label = facts.hostname.as_deref().and_then(|name| name.split('.').next()).unwrap_or_default();
    host_name(label).unwrap_or_else(|_| {
        if !root.has("host") {
            root.problem(
                "host",
                "missing, and the machine has no host name; allowed: a flake attribute".to_owned(),
            );
        }
        String::new()
    })
}

/// Reads the sections that only a later version knows.
fn later(root: &mut Section<'_>) {
    let mut reboot = root.section("reboot");
    reboot.read("when_required", (), convert::word_for_now(&["never"], &["window", "now"]));
    reboot.read("window", (), convert::only(&String::new(), r#""""#, convert::string));
    reboot.finish();
}

fn host_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty() && text.len() <= 253 && text.chars().all(fits) && !text.starts_with(['-', '.']) {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is no host name; allowed: letters, digits, '-', '_' and '.'"))
    }
}
