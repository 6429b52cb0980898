//! `[source]`: where the flake comes from.

use std::path::{Component, Path};
use std::time::Duration;

use super::url::{self, Location, Transport};
use crate::loopback::is_readable_on_the_way;
use crate::settings::facts::Facts;
use crate::settings::raw::Section;
use crate::settings::{Source, convert};

/// Reads the section; the URL is returned taken apart too, where it could be.
pub(super) fn source(
    mut section: Section<'_>,
    facts: &Facts,
    warnings: &mut Vec<String>,
) -> (Source, Option<Location>) {
    let missing = || (String::new(), None);
    let (url, location) = section.read("url", missing(), |value, faults| {
        convert::text(|text| Ok((text.to_owned(), Some(url::locate(text)?))))(value, faults)
    });
    if !section.has("url") {
        section.problem("url", format!("missing; allowed: {}", url::ALLOWED));
    }
    let source = Source {
        url,
        branch: section.read("branch", "main".to_owned(), convert::text(branch)),
        directory: section.read("directory", ".".to_owned(), convert::text(directory)),
        poll_interval: section.read(
            "poll_interval",
            Duration::from_secs(60),
            convert::duration(Duration::from_secs(1)),
        ),
        timeout: section.read("timeout", Duration::from_secs(300), convert::duration(Duration::from_secs(1))),
        token_file: section.read("token_file", None, convert::file(facts.sees_files)),
        ssh_key_file: section.read("ssh_key_file", None, convert::file(facts.sees_files)),
        known_hosts_file: section.read("known_hosts_file", None, convert::file(facts.sees_files)),
        ca_file: section.read("ca_file", None, convert::file(facts.sees_files)),
    };
    section.read("submodules", (), convert::only(&false, "false", convert::boolean));
    if let Some(location) = &location {
        combinations(&section, &source, location, warnings);
    }
    section.finish();
    (source, location)
}

fn combinations(section: &Section<'_>, source: &Source, location: &Location, warnings: &mut Vec<String>) {
    let unused = |key: &str, needs: &str| format!("source.{key} is not used: source.url is not {needs}");
    match location.transport {
        Transport::Http => {
            warnings.push(
                "source.url is plain http: whoever is on the way can change what is fetched".to_owned(),
            );
            if source.token_file.is_some() && is_readable_on_the_way("http", &location.host) {
                let host = &location.host;
                let message =
                    format!("a token would go over plain http to {host}; allowed: https://, or no token");
                section.problem("token_file", message);
            }
        }
        Transport::Ssh => {
            if source.known_hosts_file.is_none() && !section.complained("known_hosts_file") {
                let message =
                    "missing; host keys come only from this file: name one, as ssh-keyscan(1) writes it";
                section.problem("known_hosts_file", message.to_owned());
            }
        }
        Transport::Https | Transport::File => {}
    }
    let web = matches!(location.transport, Transport::Https | Transport::Http);
    if source.token_file.is_some() && !web {
        warnings.push(unused("token_file", "https://"));
    }
    if source.ssh_key_file.is_some() && location.transport != Transport::Ssh {
        warnings.push(unused("ssh_key_file", "ssh"));
    }
}

/// A short branch name by the rules of git-check-ref-format(1).
fn branch(text: &str) -> Result<String, String> {
    let full = format!("refs/heads/{text}");
    let valid = gix::validate::reference::branch_name(full.as_str().into()).is_ok();
    if text.starts_with("refs/") {
        return Err(format!("{text:?} is a full name; allowed: the short name of a branch, like \"main\""));
    }
    if !valid || text.starts_with('-') {
        let rules = "the short name of a branch by the rules of git-check-ref-format(1)";
        return Err(format!("{text:?} is no branch name; allowed: {rules}"));
    }
    Ok(text.to_owned())
}

/// A folder within the repository, "." for its root, written without `./` and a slash at its end.
fn directory(text: &str) -> Result<String, String> {
    let plain = |c: &Component<'_>| matches!(c, Component::Normal(_) | Component::CurDir);
    if text.is_empty() || text.contains('\0') || !Path::new(text).components().all(|c| plain(&c)) {
        return Err(format!(
            "{text:?} is no folder within the repository; allowed: a relative path without \"..\""
        ));
    }
    let names: Vec<_> = text.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
    Ok(if names.is_empty() { ".".to_owned() } else { names.join("/") })
}
