//! What a child and a poll need to know of the remote: the part of the configuration that names it. Holds paths of
//! secrets, never a secret, so it may be written to a pipe or a log.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::loopback::is_loopback;
use crate::settings::Source;

/// The remote and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remote {
    /// As configured.
    pub(super) url: String,
    /// Short name of the branch.
    pub(super) branch: String,
    /// Password for user `x-access-token`, over http(s).
    pub(super) token_file: Option<PathBuf>,
    /// Private key for ssh.
    pub(super) ssh_key_file: Option<PathBuf>,
    /// The only place that host keys of ssh come from.
    pub(super) known_hosts_file: Option<PathBuf>,
    /// Extra trust anchors, PEM.
    pub(super) ca_file: Option<PathBuf>,
    /// Longest time without a byte; the caller's deadline is what ends an operation.
    pub(super) timeout: Duration,
}

/// The ways to a repository, as far as they differ for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// `http://` and `https://`
    Http,
    /// `ssh://` and `user@host:path`
    Ssh,
    /// `git://`, `file://` and paths
    Other,
}

impl Remote {
    /// Takes what is needed of the configuration.
    pub(super) fn of(source: &Source) -> Self {
        Self {
            url: source.url.clone(),
            branch: source.branch.clone(),
            token_file: source.token_file.clone(),
            ssh_key_file: source.ssh_key_file.clone(),
            known_hosts_file: source.known_hosts_file.clone(),
            ca_file: source.ca_file.clone(),
            timeout: source.timeout,
        }
    }

    /// Returns the full name of the branch.
    pub(super) fn reference(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }

    /// Returns scheme and host of the URL; none where it has no host or cannot be read.
    pub(super) fn scheme_and_host(&self) -> Option<(String, String)> {
        let url = gix::url::parse(self.url.as_str()).ok()?;
        Some((url.scheme.as_str().to_owned(), url.host()?.to_owned()))
    }

    /// Whether the remote is this machine, which no proxy of the environment stands before.
    pub(super) fn is_loopback(&self) -> bool {
        self.scheme_and_host().is_some_and(|(_, host)| is_loopback(&host))
    }

    /// Whether there is a network in between, and not only a folder of this machine.
    pub(super) fn is_elsewhere(&self) -> bool {
        gix::url::parse(self.url.as_str()).is_ok_and(|url| url.scheme != gix::url::Scheme::File)
    }

    /// Returns the way to the repository. A URL that gitoxide cannot read is left for it to complain about.
    pub(super) fn transport(&self) -> Transport {
        match gix::url::parse(self.url.as_str()).map(|url| url.scheme) {
            Ok(gix::url::Scheme::Http | gix::url::Scheme::Https) => Transport::Http,
            Ok(gix::url::Scheme::Ssh) => Transport::Ssh,
            Ok(
                gix::url::Scheme::File
                | gix::url::Scheme::Git
                | gix::url::Scheme::Ext
                | gix::url::Scheme::Helper(_)
                | gix::url::Scheme::HelperUrl(_),
            )
            | Err(_) => Transport::Other,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A remote with nothing but a URL, branch `main`.
    pub(in crate::git) fn remote(url: &str) -> Remote {
        Remote {
            url: url.to_owned(),
            branch: "main".to_owned(),
            token_file: None,
            ssh_key_file: None,
            known_hosts_file: None,
            ca_file: None,
            timeout: Duration::from_secs(60),
        }
    }

    #[test]
    fn every_form_of_url_has_its_transport() {
        let check = |url, transport| assert_eq!(remote(url).transport(), transport, "{url}");
        check("https://example.com/a", Transport::Http);
        check("http://127.0.0.1:80/a", Transport::Http);
        check("ssh://git@example.com/a", Transport::Ssh);
        check("git@example.com:a/b", Transport::Ssh);
        check("git://example.com/a", Transport::Other);
        check("file:///a", Transport::Other);
        check("/a", Transport::Other);
    }
}
