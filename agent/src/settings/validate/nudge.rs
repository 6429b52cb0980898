//! `[nudge]`: the tailnet listener.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::settings::raw::Section;
use crate::settings::{Allow, Nudge, convert};

/// Reads the section.
pub(in crate::settings) fn nudge(mut section: Section<'_>, warnings: &mut Vec<String>) -> Nudge {
    let nudge = Nudge {
        listen:
            section.read("listen", Vec::new(), |value, faults| {
                convert::list("a list of \"ADDRESS:PORT\"", |value, faults| {
                    convert::text(address)(value, faults)
                })(value, faults)
            }),
        allow: section.read("allow", Vec::new(), |value, faults| {
            convert::list(ALLOWED, |value, faults| convert::text(allow)(value, faults))(value, faults)
        }),
        tailscaled_socket: section.read(
            "tailscaled_socket",
            PathBuf::from("/var/run/tailscale/tailscaled.sock"),
            convert::path,
        ),
    };
    section.read("interface", (), convert::only(&String::new(), r#""""#, convert::string));
    if nudge.allow.contains(&Allow::Any) {
        if nudge.allow.len() > 1 {
            section
                .problem("allow", "\"any\" stands beside other entries; allowed: [\"any\"] alone".to_owned());
        }
        warnings.push(
            "nudge.allow is [\"any\"]: whoever reaches the listener may nudge and read the status".to_owned(),
        );
    }
    if nudge.allow.is_empty() && !nudge.listen.is_empty() {
        warnings.push("nudge.allow is empty: `pull-agent listen` refuses to start".to_owned());
    }
    section.finish();
    nudge
}

const ALLOWED: &str = "a list of \"tag:NAME\" and login names like \"poby@github\", or [\"any\"]";

/// An IP address, with a port or the default one.
fn address(text: &str) -> Result<SocketAddr, String> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let alone = bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, pull_agent_protocol::DEFAULT_PORT));
    text.parse().or(alone).map_err(|_| {
        format!("{text:?} is no address; allowed: \"ADDRESS:PORT\" with an IP address, like \"100.101.102.103:7319\" or \"[::1]:7319\"")
    })
}

/// One entry of `nudge.allow`. Tags are as Tailscale allows them: a letter, then letters, digits and dashes.
fn allow(text: &str) -> Result<Allow, String> {
    if text == "any" {
        return Ok(Allow::Any);
    }
    if text.starts_with("cap:") {
        return Err(format!("{text:?}: capabilities are not in this version yet; allowed: {ALLOWED}"));
    }
    if let Some(name) = text.strip_prefix("tag:") {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(plain) {
            return Ok(Allow::Tag(text.to_owned()));
        }
    } else if let Some((user, domain)) = text.split_once('@')
        && !(user.is_empty() || domain.is_empty() || text.contains(char::is_whitespace))
    {
        return Ok(Allow::Login(text.to_owned()));
    }
    Err(format!("{text:?} is nobody; allowed: {ALLOWED}"))
}
