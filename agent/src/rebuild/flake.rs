//! The flake reference that is built: the agent's own clone at one commit, as nix reads it
//! (<https://nix.dev/manual/nix/latest/command-ref/new-cli/nix3-flake#url-like-syntax>).

use std::fmt::Write as _;
use std::path::Path;

use pull_agent_core::Revision;

/// Returns `git+file://<repository>?ref=refs/heads/<branch>&rev=<revision>&shallow=1[&dir=<directory>]#<host>`, with whatever
/// has a meaning of its own in a URL percent-encoded.
pub(super) fn reference(
    repository: &Path,
    branch: &str,
    revision: &Revision,
    directory: &str,
    host: &str,
) -> String {
    let path = encode(&repository.to_string_lossy());
    let mut text = format!("git+file://{path}?ref=refs/heads/{}&rev={revision}&shallow=1", encode(branch));
    let directory = directory.trim_matches('/');
    if !matches!(directory, "" | ".") {
        text.push_str("&dir=");
        text.push_str(&encode(directory.trim_start_matches("./")));
    }
    text.push('#');
    text.push_str(host);
    text
}

/// RFC 3986, section 2.3: letters, digits and `-._~` stand for themselves; `/` is kept as the separator that it is.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").ok();
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(repository: &str, branch: &str, directory: &str, expected: &str) {
        let revision = Revision::parse("3f2a91c0d1e2f3a4b5c6d7e8f90123456789abcd").expect("a revision");
        assert_eq!(reference(Path::new(repository), branch, &revision, directory, "yggdrasil"), expected);
    }

    #[test]
    fn what_means_something_in_a_url_is_encoded() {
        check(
            "/var/lib/pull-agent/repo",
            "main",
            ".",
            "git+file:///var/lib/pull-agent/repo?ref=refs/heads/main&rev=3f2a91c0d1e2f3a4b5c6d7e8f90123456789abcd&shallow=1#yggdrasil",
        );
        check(
            "/tmp/a b?c&d#e%f/repo",
            "feature/x#1",
            "./nix hosts/",
            "git+file:///tmp/a%20b%3Fc%26d%23e%25f/repo?ref=refs/heads/feature/x%231&rev=3f2a91c0d1e2f3a4b5c6d7e8f90123456789abcd&shallow=1&dir=nix%20hosts#yggdrasil",
        );
    }
}
