//! Who calls, and whether that is enough. Only tailscaled's word while it runs, for an address that can be the tailnet's,
//! is leave; whatever else is not.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::answer::Refusal;
use super::localapi::{self, LocalApiError, Peer};
use crate::error::chain;
use crate::settings::{Allow, Nudge};
use crate::text;

/// Seconds after which a caller may try again when tailscaled could not be asked.
const RETRY_AFTER: u64 = 2;

/// A caller that is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// By which its nudges are counted: the node's id, or the address.
    pub(super) key: String,
    /// For the log.
    pub(super) name: String,
}

/// Whether tailscaled can know this address: 100.64.0.0/10 and fd7a:115c:a1e0::/48, or loopback, from where everybody
/// comes when tailscaled runs with userspace networking.
#[must_use]
pub fn is_tailnet(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_loopback() || (first == 100 && second & 0b1100_0000 == 64)
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.segments()[..3] == [0xfd7a, 0x115c, 0xa1e0],
    }
}

/// Refuses an address that needs no question, before it takes anybody's place.
pub(super) fn check_address(nudge: &Nudge, address: IpAddr) -> Result<(), Refusal> {
    if nudge.allow.contains(&Allow::Any) || is_tailnet(address) {
        return Ok(());
    }
    Err(Refusal::forbidden(format!("{address} is not an address of the tailnet")))
}

/// Finds out who `peer` is and whether `nudge.allow` names it.
pub(super) async fn identify(nudge: &Nudge, peer: SocketAddr) -> Result<Caller, Refusal> {
    if nudge.allow.contains(&Allow::Any) {
        let address = peer.ip().to_string();
        return Ok(Caller { key: address.clone(), name: address });
    }
    check_address(nudge, peer.ip())?;
    let answer = localapi::whois(&nudge.tailscaled_socket, peer).await;
    let Some(found) = answer.map_err(|error| unavailable(&error, &nudge.tailscaled_socket))? else {
        return Err(Refusal::forbidden(format!("tailscaled knows no peer at {peer}")));
    };
    let name = describe(&found);
    if !nudge.allow.iter().any(|allow| matches(allow, &found)) {
        return Err(Refusal::forbidden(format!("{name} is not allowed here"))
            .hint("nudge.allow in this host's configuration names the tags and logins that are"));
    }
    let key = if found.stable_id.is_empty() { peer.ip().to_string() } else { found.stable_id };
    Ok(Caller { key, name })
}

/// A node with tags is no user's: its profile is a stand-in ("tagged-devices") and counts for nothing.
fn matches(allow: &Allow, peer: &Peer) -> bool {
    match allow {
        Allow::Any => true,
        Allow::Tag(tag) => peer.tags.contains(tag),
        Allow::Login(login) => peer.tags.is_empty() && !login.is_empty() && peer.login == *login,
    }
}

fn describe(peer: &Peer) -> String {
    let who = if peer.tags.is_empty() { peer.login.clone() } else { peer.tags.join(", ") };
    text::clean(&format!("{} ({who})", peer.name.trim_end_matches('.')))
}

fn unavailable(error: &LocalApiError, socket: &Path) -> Refusal {
    tracing::warn!(socket = %socket.display(), "cannot tell who calls: {}", text::sentence(&chain(error)));
    Refusal::unavailable(format!("cannot tell who calls: {error}"), RETRY_AFTER)
        .hint("on the host: tailscale status")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn nudge(allow: Allow) -> Nudge {
        Nudge {
            listen: Vec::new(),
            allow: vec![allow],
            tailscaled_socket: "/nonexistent/tailscaled.sock".into(),
        }
    }

    #[tokio::test]
    async fn a_stranger_is_refused_without_a_question() {
        let nudge = nudge(Allow::Tag("tag:ci".to_owned()));
        for stranger in ["192.0.2.7:40000", "[2001:db8::7]:40000"] {
            let stranger: SocketAddr = stranger.parse().unwrap();
            let refusal = check_address(&nudge, stranger.ip()).unwrap_err();
            assert_eq!(refusal.status(), hyper::StatusCode::FORBIDDEN);
            // A question would end in 503: nobody is there to be asked.
            assert_eq!(identify(&nudge, stranger).await.unwrap_err(), refusal);
        }
        let peer = "100.64.0.7:40000".parse().unwrap();
        assert_eq!(
            identify(&nudge, peer).await.unwrap_err().status(),
            hyper::StatusCode::SERVICE_UNAVAILABLE
        );
    }

    #[tokio::test]
    async fn any_is_whoever_reaches_it() {
        let stranger: SocketAddr = "192.0.2.7:40000".parse().unwrap();
        check_address(&nudge(Allow::Any), stranger.ip()).unwrap();
        assert_eq!(identify(&nudge(Allow::Any), stranger).await.unwrap().key, "192.0.2.7");
    }
}
