//! Connections: how many, how long, how large. Every one ends by a clock of ours, whatever its peer does.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::Refusal;
use super::shared::{Limits, Shared};
use super::{caller, request};
use crate::settings::ListenSettings;

/// After a failed accept (most often: no more file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// How long one is told so.
const TURN_AWAY_TIME: Duration = Duration::from_secs(3);
/// The smallest buffer that hyper takes, for whoever is turned away.
const LEAST_BUFFER: usize = 8 * 1024;
/// What has been sent must be acknowledged within this, else the peer is gone; tcp(7), `TCP_USER_TIMEOUT`.
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);
/// For answers under way when the listener is told to stop.
const STOP_TIME: Duration = Duration::from_secs(3);

/// The listener without its sockets. Clones share their limits and counts.
#[derive(Clone, Debug)]
pub struct Server {
    shared: Arc<Shared>,
}

impl Server {
    /// Makes one that serves until `stop` is cancelled. It answers to the names of `settings.host` and of the machine.
    #[must_use]
    pub fn new(settings: ListenSettings, limits: Limits, stop: CancellationToken) -> Self {
        Self { shared: Arc::new(Shared::new(settings, limits, stop)) }
    }

    /// Accepts on `listener` until it is told to stop, and returns when its last connection is closed.
    pub async fn serve(self, listener: TcpListener) {
        let tasks = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = self.shared.stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(&tasks, stream, canonical(peer)),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        tasks.close();
        tasks.wait().await;
    }

    /// Gives the connection a place, or tells it why not, or closes it.
    fn admit(&self, tasks: &TaskTracker, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = prepare(&stream) {
            tracing::debug!(%peer, %error, "connection lost at once");
            return;
        }
        let refusal = match caller::check_address(&self.shared.settings.nudge, peer.ip()) {
            Err(refusal) => refusal,
            Ok(()) => match Arc::clone(&self.shared.connections).try_acquire_owned() {
                Ok(place) => {
                    tasks.spawn(self.clone().connection(stream, peer, place));
                    return;
                }
                Err(_none_left) => {
                    let all = self.shared.limits.connections;
                    Refusal::unavailable(format!("all {all} connections are taken"), 5).closing()
                }
            },
        };
        tracing::info!(%peer, "turned away: {}", refusal.detail());
        if let Ok(place) = Arc::clone(&self.shared.turned_away).try_acquire_owned() {
            tasks.spawn(turn_away(stream, refusal, place));
        }
    }

    async fn connection(self, stream: TcpStream, peer: SocketAddr, _place: OwnedSemaphorePermit) {
        let limits = self.shared.limits;
        let service = service_fn(|request| async {
            Ok::<_, Infallible>(request::answer(&self.shared, peer, request).await)
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.request_time)
                .max_buf_size(limits.request_bytes)
                .serve_connection(TokioIo::new(stream), service)
        );
        let stop = &self.shared.stop;
        let mut too_long = pin!(tokio::time::sleep(limits.connection_time));
        tokio::select! {
            ended = connection.as_mut() => return log_end(peer, ended),
            () = stop.cancelled() => {}
            () = tokio::time::sleep(limits.keep_alive) => {}
            () = too_long.as_mut() => {}
        }
        // No further request; the answer under way is finished, within a time.
        connection.as_mut().graceful_shutdown();
        let stopped = async {
            stop.cancelled().await;
            tokio::time::sleep(STOP_TIME).await;
        };
        tokio::select! {
            ended = connection.as_mut() => log_end(peer, ended),
            () = too_long => tracing::info!(%peer, "connection closed: it was open for too long"),
            () = stopped => tracing::info!(%peer, "connection closed: the listener stops"),
        }
    }
}

/// On a socket for both families an IPv4 peer comes as `::ffff:100.64.0.2`: it is the IPv4 address that counts.
fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

/// A peer that has vanished, or reads nothing, is noticed by the kernel.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpKeepIdle, &30)?;
    setsockopt(stream, sockopt::TcpKeepInterval, &10)?;
    let milliseconds = u32::try_from(UNACKNOWLEDGED.as_millis()).unwrap_or(u32::MAX);
    setsockopt(stream, sockopt::TcpUserTimeout, &milliseconds)?;
    Ok(())
}

/// Reads the request, so that the answer is not lost to a reset, and answers `refusal`.
async fn turn_away(stream: TcpStream, refusal: Refusal, _place: OwnedSemaphorePermit) {
    let service = service_fn(|_request| {
        let response = refusal.clone().into_response();
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(LEAST_BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(TURN_AWAY_TIME, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "turned away, not told"),
        Err(_elapsed) => tracing::debug!("turned away, too slow to be told"),
    }
}

fn log_end(peer: SocketAddr, ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_peer_on_a_socket_for_both_families_is_the_ipv4_one() {
        let mapped: SocketAddr = "[::ffff:100.64.0.2]:5".parse().unwrap();
        assert_eq!(canonical(mapped).to_string(), "100.64.0.2:5");
        let plain: SocketAddr = "[fd7a:115c:a1e0::2]:5".parse().unwrap();
        assert_eq!(canonical(plain), plain);
    }
}
