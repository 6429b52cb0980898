//! `[state]`: where the agent keeps its own files.

use std::path::{Path, PathBuf};

use crate::settings::raw::Section;
use crate::settings::{StateSettings, convert};

/// Longest path of a Unix socket: `sun_path` of unix(7) less its NUL.
const SOCKET_PATH: usize = 107;

/// Reads the section.
pub(in crate::settings) fn state(mut section: Section<'_>) -> StateSettings {
    let state = StateSettings {
        directory: section.read("directory", PathBuf::from("/var/lib/pull-agent"), convert::path),
        socket: section.read("socket", PathBuf::from(pull_agent_protocol::DEFAULT_SOCKET), convert::path),
        group: section.read("group", "pull-agent".to_owned(), convert::text(group)),
        log_directory: section.read("log_directory", PathBuf::from("/var/log/pull-agent"), convert::path),
        keep_deployments: section.read("keep_deployments", 50, |value, faults| {
            convert::integer(1)(value, faults).and_then(|n| usize::try_from(n).ok())
        }),
    };
    socket(&section, &state.socket, &state.control_socket());
    section.finish();
    state
}

fn socket(section: &Section<'_>, socket: &Path, control: &Path) {
    let longest = socket.as_os_str().len().max(control.as_os_str().len());
    if socket.file_name().is_none() || socket == control {
        let message =
            format!("{} is no place for a socket; allowed: a path not named control.sock", socket.display());
        section.problem("socket", message);
    } else if longest > SOCKET_PATH {
        let message =
            format!("{longest} bytes with control.sock beside it are too long; allowed: {SOCKET_PATH}");
        section.problem("socket", message);
    }
}

/// A name as useradd(8) of Debian and systemd allow it.
fn group(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty() && text.len() <= 32 && text.chars().all(fits) && !text.starts_with('-') {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is no group name; allowed: letters, digits, '-', '_' and '.'"))
    }
}
