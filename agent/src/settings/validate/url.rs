//! Where a repository lies: the forms of git-clone(1) that are served, taken apart. Never repeats a URL that may hold a
//! secret.

use reqwest::Url;

/// What is allowed, for messages.
pub(super) const ALLOWED: &str = "https://, http://, ssh://, user@host:path, file:// or an absolute path";

/// How the remote is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Https,
    Http,
    Ssh,
    File,
}

/// A URL of `source.url`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) transport: Transport,
    /// Empty for files.
    pub(super) host: String,
    /// Without slashes at its ends.
    pub(super) path: String,
}

impl Location {
    /// Returns `owner/name`, if that is what the path says.
    pub(super) fn repository(&self) -> Option<String> {
        let path = self.path.strip_suffix(".git").unwrap_or(&self.path);
        let (owner, name) = path.split_once('/')?;
        let whole = !owner.is_empty() && !name.is_empty() && !name.contains('/');
        (whole && self.transport != Transport::File).then(|| format!("{owner}/{name}"))
    }
}

/// Takes `source.url` apart.
pub(super) fn locate(text: &str) -> Result<Location, String> {
    if text.starts_with('/') {
        return Ok(Location { transport: Transport::File, host: String::new(), path: trimmed(text) });
    }
    if text.contains("://") { with_scheme(text) } else { scp_like(text) }
}

/// Reads an http(s) URL that holds no secret.
pub(super) fn http(text: &str) -> Result<Url, String> {
    let wrong = || format!("{} is no URL; allowed: https:// or http:// with a host", without_user(text));
    let url = Url::parse(text).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(wrong());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the URL holds a user name or password; allowed: a URL without, and the secret in token_file"
                .to_owned(),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(
            "the URL has a query or fragment; allowed: a URL without, and a secret in token_file".to_owned()
        );
    }
    Ok(url)
}

fn with_scheme(text: &str) -> Result<Location, String> {
    let wrong = || format!("{} is no git URL; allowed: {ALLOWED}", without_user(text));
    let url = Url::parse(text).map_err(|_| wrong())?;
    let transport = match url.scheme() {
        "https" => Transport::Https,
        "http" => Transport::Http,
        "ssh" => Transport::Ssh,
        "file" => Transport::File,
        _ => return Err(wrong()),
    };
    let host = url.host_str().unwrap_or_default();
    match transport {
        Transport::Https | Transport::Http => drop(http(text)?),
        Transport::Ssh => {
            if url.password().is_some() {
                return Err(
                    "the URL holds a password; allowed: ssh://user@host/path, and a key in ssh_key_file"
                        .to_owned(),
                );
            }
            if host.is_empty() {
                return Err(wrong());
            }
        }
        Transport::File => {
            if !matches!(host, "" | "localhost") {
                return Err(wrong());
            }
        }
    }
    let path = trimmed(url.path());
    if path.is_empty() {
        return Err(format!("{} names no repository; allowed: {ALLOWED}", without_user(text)));
    }
    Ok(Location { transport, host: host.to_owned(), path })
}

/// `[user@]host:path` of git-clone(1): the first colon comes before any slash.
fn scp_like(text: &str) -> Result<Location, String> {
    let (place, path) = text
        .split_once(':')
        .filter(|(place, path)| !place.contains('/') && !path.trim_matches('/').is_empty())
        .ok_or_else(|| format!("{} is no git URL; allowed: {ALLOWED}", without_user(text)))?;
    if path.contains('@') && !place.contains('@') {
        return Err("the URL holds a user name with a password; allowed: user@host:path".to_owned());
    }
    let host = place.rsplit_once('@').map_or(place, |(_, host)| host);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if host.is_empty() || host.starts_with('-') || !host.chars().all(plain) {
        return Err(format!("{} is no git URL; allowed: {ALLOWED}", without_user(text)));
    }
    Ok(Location { transport: Transport::Ssh, host: host.to_owned(), path: trimmed(path) })
}

fn trimmed(path: &str) -> String {
    path.trim_matches('/').to_owned()
}

/// The text for a message; what stands before an `@` could be a secret.
fn without_user(text: &str) -> String {
    let shown = match text.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => text.to_owned(),
    };
    format!("{:?}", shown.split(['?', '#']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, repository: Option<&str>) {
        let location = locate(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(location.repository().as_deref(), repository, "{text}");
    }

    #[test]
    fn finds_owner_and_name_in_every_form() {
        check("https://github.com/poby/infra", Some("poby/infra"));
        check("https://github.com/poby/infra.git", Some("poby/infra"));
        check("https://github.com/poby/infra/", Some("poby/infra"));
        check("ssh://git@github.com/poby/infra.git", Some("poby/infra"));
        check("ssh://git@ssh.github.com:443/poby/infra.git", Some("poby/infra"));
        check("git@github.com:poby/infra.git", Some("poby/infra"));
        check("github.com:poby/infra", Some("poby/infra"));
        check("https://example.org/deep/er/infra", None);
        check("file:///srv/git/infra.git", None);
        check("/srv/infra.git", None);
    }

    #[test]
    fn a_message_never_repeats_a_secret() {
        for text in [
            "https://user:hunter2@github.com/poby/infra",
            "https://hunter2@github.com/poby/infra",
            "https://github.com/poby/infra?token=hunter2",
            "https://github.com/poby/infra#hunter2",
            "ssh://git:hunter2@github.com/poby/infra",
            "git:hunter2@github.com:poby/infra",
            "ftp://git:hunter2@github.com/poby/infra",
            "git:hunter2@@:",
            "https://git:hunter2@",
            "ftp://github.com/?token=hunter2",
            "ftp://github.com/a@b?token=hunter2",
            "https://git:hunt#hunter2@github.com/poby/infra",
        ] {
            let message = locate(text).expect_err(text);
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn refuses_what_is_not_served() {
        for text in [
            "",
            "infra",
            "./infra",
            "git://example.org/infra",
            "https://",
            "file://host/infra",
            ":path",
            "-o:x",
            "a/b:c",
        ] {
            assert!(locate(text).is_err(), "{text}");
        }
    }
}
