//! Binding an address that may not be there yet: the tailnet address comes when tailscaled is up.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use nix::errno::Errno;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: u32 = 128;
/// First wait before an address is tried again.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait: so long after the address has come the listener is there at the latest.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Binds and listens. `SO_REUSEADDR` is set, so that a restart does not wait for old connections.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Whether the address may only be missing on this host for now (`EADDRNOTAVAIL`, ip(7)).
pub(super) fn may_come_later(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EADDRNOTAVAIL as i32)
}

/// Tries again until the address is bound, or none once `stop` is cancelled.
pub(super) async fn bind_later(address: SocketAddr, stop: &CancellationToken) -> Option<TcpListener> {
    let mut wait = FIRST_WAIT;
    loop {
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(wait) => {}
        }
        match bind(address) {
            Ok(listener) => {
                tracing::info!("listening on {address}, which has come");
                return Some(listener);
            }
            Err(error) if may_come_later(&error) => {
                tracing::debug!(%address, ?wait, "the address is still missing");
            }
            Err(error) => tracing::error!("cannot listen on {address}: {error}; trying again"),
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
