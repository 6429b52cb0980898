//! What stays on this machine, and so where a token may go over plain http.

use std::net::IpAddr;

/// Whether what is sent to this host stays on the machine: `localhost` or a loopback address, an IPv6 one with its brackets
/// or without.
pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || address(host).is_some_and(|address| address.is_loopback())
}

/// Whether what goes to this host over this scheme can be read and changed on its way: plain http to another machine. No
/// token goes there.
pub(crate) fn is_readable_on_the_way(scheme: &str, host: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") && !is_loopback(host)
}

/// Reads the host of a URL or of a `Host` field that is an address and no name.
pub(crate) fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_this_machine_only() {
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.1.2.3", "[::1]", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["localhost.example.org", "127.0.0.1.example.org", "10.0.0.1", "[::2]", "0.0.0.0", "[::1", ""]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn only_plain_http_to_another_machine_is_readable() {
        assert!(is_readable_on_the_way("http", "git.example.org"));
        assert!(is_readable_on_the_way("HTTP", "[2001:db8::1]"));
        for (scheme, host) in [("https", "git.example.org"), ("http", "[::1]"), ("ssh", "git.example.org")] {
            assert!(!is_readable_on_the_way(scheme, host), "{scheme}://{host}");
        }
    }
}
