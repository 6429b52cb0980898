//! How secrets reach the remote: a token as a header of each request, an ssh key as a file that only ssh reads. None appears
//! in arguments, environment or errors.

use std::path::{Path, PathBuf};

use super::remote::Remote;
use crate::secret::{self, SecretError, Token};

/// Key of the configuration that names the file of the token.
const TOKEN_KEY: &str = "source.token_file";

/// A host that does not answer within this many seconds is down: ssh_config(5), ConnectTimeout.
const SSH_CONNECT_SECONDS: u32 = 20;

/// Why the remote cannot be asked as who one is to be.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The token or a file of ssh cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// ssh without host keys would trust anybody.
    #[error(
        "source.known_hosts_file is not set: host keys of ssh come from nowhere else; `ssh-keyscan HOST` prints one \
         to compare and store"
    )]
    NoKnownHosts,
    /// ssh_config(5) has no way to write such a path.
    #[error(
        "{key} = {} holds a character that ssh cannot take (double quote, backslash or line break)",
        secret::shown(path)
    )]
    UnusualPath {
        /// Key of the configuration.
        key: &'static str,
        /// Which file.
        path: PathBuf,
    },
}

/// Returns the token of `source.token_file`, which goes as password with each request; none where none is configured. Blocks
/// for as long as the file takes.
///
/// # Errors
/// When the file is unreadable or odd, or when the token would go over plain http to anything but loopback.
pub(super) fn token(remote: &Remote) -> Result<Option<Token>, CredentialError> {
    let Some(path) = &remote.token_file else { return Ok(None) };
    may_go(remote)?;
    Ok(Some(Token::read(TOKEN_KEY, path)?))
}

/// Does the same without blocking.
///
/// # Errors
/// As [`token`].
pub(super) async fn token_apart(remote: &Remote) -> Result<Option<Token>, CredentialError> {
    let Some(path) = &remote.token_file else { return Ok(None) };
    may_go(remote)?;
    Ok(Some(Token::read_apart(TOKEN_KEY, path).await?))
}

/// Whether the token may go to the remote.
fn may_go(remote: &Remote) -> Result<(), SecretError> {
    match remote.scheme_and_host() {
        Some((scheme, host)) => secret::may_go(TOKEN_KEY, &scheme, &host),
        None => Ok(()),
    }
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
    let unreadable = |source| SecretError::Unreadable { key, path: path.to_owned(), source };
    std::fs::File::open(path).map_err(unreadable)?;
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

    fn with_token(url: &str) -> Result<Option<Token>, CredentialError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "s3cret\n").unwrap();
        token(&Remote { token_file: Some(path), ..remote(url) })
    }

    #[test]
    fn a_token_never_goes_over_plain_http_to_another_machine() {
        let error = with_token("http://git.example.com/a").unwrap_err().to_string();
        assert!(error.contains("plain http to git.example.com"), "{error}");
        for host in ["127.0.0.1:81", "localhost", "[::1]:81"] {
            assert!(with_token(&format!("http://{host}/a")).unwrap().is_some(), "{host}");
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
