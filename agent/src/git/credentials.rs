//! Secrets and how they reach the remote: a token as a header of each request, an ssh key as a file that only ssh
//! reads. A secret is read afresh at each use and never appears in arguments, environment or errors.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::remote::Remote;
use crate::loopback::is_readable_on_the_way;
use crate::secret;

/// User name that goes with a token; GitHub, Forgejo and GitLab take any name.
const TOKEN_USER: &str = "x-access-token";

/// What stands where a token stood.
const HIDDEN: &str = "[token]";

/// A host that does not answer within this many seconds is down: ssh_config(5), ConnectTimeout.
const SSH_CONNECT_SECONDS: u32 = 20;

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file cannot be read.
    #[error("{key} = {} cannot be read", path.display())]
    Unreadable {
        /// Key of the configuration.
        key: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Nothing, or more than one line.
    #[error("source.token_file = {} must hold the token alone on one line", path.display())]
    NotOneLine {
        /// Which file.
        path: PathBuf,
    },
    /// The token would travel readable.
    #[error(
        "source.token_file is not sent over plain http to {host}: use https, or a loopback address for tests"
    )]
    PlainHttp {
        /// Where to.
        host: String,
    },
    /// ssh without host keys would trust anybody.
    #[error(
        "source.known_hosts_file is not set: host keys of ssh come from nowhere else; `ssh-keyscan HOST` prints one \
         to compare and store"
    )]
    NoKnownHosts,
    /// ssh_config(5) has no way to write such a path.
    #[error("{key} = {} holds a character that ssh cannot take (double quote, backslash or line break)", path.display())]
    UnusualPath {
        /// Key of the configuration.
        key: &'static str,
        /// Which file.
        path: PathBuf,
    },
}

/// What goes with each request where there is a token.
pub(super) struct Authorization {
    token: String,
    encoded: String,
}

impl Authorization {
    /// Value of the header.
    pub(super) fn header(&self) -> String {
        format!("Basic {}", self.encoded)
    }

    /// Takes the token out of what a server said, which may be an echo of what it was told.
    pub(super) fn redact(&self, text: &str) -> String {
        text.replace(&self.encoded, HIDDEN).replace(&self.token, HIDDEN)
    }
}

/// Returns what the header holds for `source.token_file`; none without a token. Blocks for as long as the file takes.
///
/// # Errors
/// When the file is unreadable or odd, or when the token would go over plain http to anything but loopback.
pub(super) fn authorization(remote: &Remote) -> Result<Option<Authorization>, CredentialError> {
    let Some(path) = &remote.token_file else { return Ok(None) };
    if let Some((scheme, host)) = remote.scheme_and_host()
        && is_readable_on_the_way(&scheme, &host)
    {
        return Err(CredentialError::PlainHttp { host });
    }
    let text = secret::read(path).map_err(|source| CredentialError::Unreadable {
        key: "source.token_file",
        path: path.clone(),
        source,
    })?;
    let token = text.strip_suffix('\n').unwrap_or(&text);
    let token = token.strip_suffix('\r').unwrap_or(token);
    if token.is_empty() || token.contains(char::is_control) {
        return Err(CredentialError::NotOneLine { path: path.clone() });
    }
    let encoded = STANDARD.encode(format!("{TOKEN_USER}:{token}"));
    Ok(Some(Authorization { token: token.to_owned(), encoded }))
}

/// Returns the ssh command line for gitoxide: no configuration of any user, no agent where a key is given, no question
/// asked, host keys from one file.
///
/// # Errors
/// When `source.known_hosts_file` is not set or a file cannot be read.
pub(super) fn ssh_command(remote: &Remote) -> Result<String, CredentialError> {
    let known_hosts = remote.known_hosts_file.as_ref().ok_or(CredentialError::NoKnownHosts)?;
    let mut options = vec![
        format!("UserKnownHostsFile={}", ssh_value("source.known_hosts_file", known_hosts)?),
        "GlobalKnownHostsFile=/dev/null".to_owned(),
        "StrictHostKeyChecking=yes".to_owned(),
        "UpdateHostKeys=no".to_owned(),
        "BatchMode=yes".to_owned(),
        "ForwardAgent=no".to_owned(),
        "ClearAllForwardings=yes".to_owned(),
        format!("ConnectTimeout={SSH_CONNECT_SECONDS}"),
        "ServerAliveInterval=10".to_owned(),
        "ServerAliveCountMax=3".to_owned(),
    ];
    if let Some(key) = &remote.ssh_key_file {
        options.push(format!("IdentityFile={}", ssh_value("source.ssh_key_file", key)?));
        options.push("IdentitiesOnly=yes".to_owned());
        options.push("IdentityAgent=none".to_owned());
    }
    let quoted = options.iter().map(|option| format!(" -o {}", shell_quoted(option)));
    Ok(format!("ssh -F none{}", quoted.collect::<String>()))
}

/// Writes a readable path as one value of ssh_config(5): in double quotes, `%` doubled (TOKENS).
fn ssh_value(key: &'static str, path: &Path) -> Result<String, CredentialError> {
    std::fs::File::open(path).map_err(|source| CredentialError::Unreadable {
        key,
        path: path.to_owned(),
        source,
    })?;
    match path.to_str() {
        Some(text) if !text.contains(['"', '\\', '\n', '\r']) => {
            Ok(format!("\"{}\"", text.replace('%', "%%")))
        }
        Some(_) | None => Err(CredentialError::UnusualPath { key, path: path.to_owned() }),
    }
}

/// Quotes for sh(1).
fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::remote::tests::remote;
    use super::*;

    fn with_token(url: &str, content: &str) -> Result<Option<Authorization>, CredentialError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, content).unwrap();
        authorization(&Remote { token_file: Some(path), ..remote(url) })
    }

    #[test]
    fn a_token_loses_its_newline_and_nothing_else() {
        let sent = with_token("https://example.com/a", "s3cret \n").ok().flatten().unwrap().header();
        let plain = STANDARD.decode(sent.strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(plain, b"x-access-token:s3cret ");
    }

    #[test]
    fn a_token_never_goes_over_plain_http_to_another_machine() {
        let error = with_token("http://git.example.com/a", "s3cret\n").err().unwrap().to_string();
        assert!(error.contains("plain http to git.example.com"), "{error}");
        for host in ["127.0.0.1:81", "localhost", "[::1]:81"] {
            assert!(with_token(&format!("http://{host}/a"), "s3cret\n").ok().flatten().is_some(), "{host}");
        }
    }

    #[test]
    fn an_odd_token_file_is_an_error_without_its_content() {
        for content in ["", "\n", "s3cret\nmore\n", "s3\rcret\n"] {
            let error = with_token("https://example.com/a", content).err().unwrap();
            assert!(!format!("{error:?}{error}").contains("s3"), "{error}");
        }
    }

    #[test]
    fn paths_cannot_add_options_to_ssh() {
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join("a b'; touch x; -o ProxyCommand=%h");
        std::fs::write(&odd, "").unwrap();
        let remote = Remote { known_hosts_file: Some(odd), ..remote("git@example.com:a") };
        let command = ssh_command(&remote).unwrap();
        let words = gix::url::parse(remote.url.as_str()).map(|_| shell_words(&command)).unwrap();
        let value = words.iter().find(|word| word.starts_with("UserKnownHostsFile=")).unwrap();
        assert!(value.ends_with("/a b'; touch x; -o ProxyCommand=%%h\""), "{value}");
    }

    /// What sh(1) makes of a command line.
    fn shell_words(command: &str) -> Vec<String> {
        let script = format!("printf '%s\\n' {command}");
        let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn ssh_without_host_keys_is_refused() {
        let error = ssh_command(&remote("git@example.com:a")).unwrap_err().to_string();
        assert!(error.contains("known_hosts_file is not set"), "{error}");
    }
}
