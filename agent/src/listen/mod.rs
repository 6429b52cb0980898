//! `pull-agent listen`: the only part with a network port, a process of its own without privileges. It asks tailscaled
//! who calls, and passes reads and nudges of allowed callers on to the daemon's local socket, as any local user could.
//!
//! It never opens the socket that changes things, never decides what is deployed, and keeps nothing on disk.

mod answer;
mod bind;
mod caller;
mod forward;
mod localapi;
mod origin;
mod passed;
mod privileges;
mod rate;
mod request;
mod route;
mod serve;
mod shared;
mod start;
mod unix;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::settings::ListenSettings;

pub use caller::is_tailnet;
pub use privileges::{PrivilegesError, drop_privileges};
pub use rate::{BURST, Buckets};
pub use serve::Server;
pub use shared::Limits;
pub use start::{StartError, start};

/// Who the listener becomes when root starts it and names nobody else.
pub const DEFAULT_USER: &str = "nobody";

/// Why the listener does not start. Once it serves, it goes on until it is told to stop.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ListenError {
    /// Nothing to bind.
    #[error(
        "nudge.listen is empty: there is no address to listen on, for example [\"100.101.102.103:7319\"]"
    )]
    NoAddress,
    /// Nobody would be served.
    #[error(
        "nudge.allow is empty: nobody would be allowed; name tags or logins (\"tag:ci\", \"user@example.com\"), or \"any\" for whoever reaches the address"
    )]
    NobodyAllowed,
    /// The service manager holds the sockets.
    #[error(
        "sockets from systemd (LISTEN_FDS) are not supported yet: name the addresses in nudge.listen and start without a .socket unit"
    )]
    SocketsFromSystemd,
    /// It would run with more rights than any local user has.
    #[error("the listener does not run with privileges")]
    Privileges(#[source] PrivilegesError),
    /// An address is taken or not permitted.
    #[error("cannot listen on {address}")]
    Bind {
        /// As in `nudge.listen`.
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
}

/// Serves `nudge.listen` until `stop` is cancelled. Started as root it first becomes `user`, else [`DEFAULT_USER`].
///
/// An address that this host does not have (yet) is tried again until it is there: tailscaled may start later.
pub async fn run(
    settings: &ListenSettings,
    user: Option<&str>,
    stop: CancellationToken,
) -> Result<(), ListenError> {
    if settings.nudge.listen.is_empty() {
        return Err(ListenError::NoAddress);
    }
    if settings.nudge.allow.is_empty() {
        return Err(ListenError::NobodyAllowed);
    }
    if std::env::var_os("LISTEN_FDS").is_some() {
        return Err(ListenError::SocketsFromSystemd);
    }
    drop_privileges(user, &settings.group).map_err(ListenError::Privileges)?;

    let server = Server::new(settings.clone(), Limits::default(), stop.clone());
    let tasks = TaskTracker::new();
    let addresses = Arc::new(Addresses::default());
    for &address in &settings.nudge.listen {
        match bind::bind(address) {
            Ok(listener) => {
                tracing::info!("listening on {address}");
                addresses.set(address, true);
                tasks.spawn(server.clone().serve(listener));
            }
            Err(source) if bind::may_come_later(&source) => {
                tracing::warn!("this host does not have the address {address} yet; trying again");
                addresses.set(address, false);
                let (server, stop, addresses) = (server.clone(), stop.clone(), Arc::clone(&addresses));
                tasks.spawn(async move {
                    if let Some(listener) = bind::bind_later(address, &stop).await {
                        addresses.set(address, true);
                        notify(&[NotifyState::Status(&addresses.sentence())]);
                        server.serve(listener).await;
                    }
                });
            }
            Err(source) => return Err(ListenError::Bind { address, source }),
        }
    }
    notify(&[NotifyState::Ready, NotifyState::Status(&addresses.sentence())]);

    stop.cancelled().await;
    notify(&[NotifyState::Stopping]);
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// Which addresses are bound, for the status line.
#[derive(Debug, Default)]
struct Addresses {
    bound: Mutex<BTreeMap<SocketAddr, bool>>,
}

impl Addresses {
    fn set(&self, address: SocketAddr, bound: bool) {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner).insert(address, bound);
    }

    fn sentence(&self) -> String {
        let bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        let said = bound.iter().map(|(address, bound)| match bound {
            true => format!("listening on {address}"),
            false => format!("waiting for the address {address}"),
        });
        said.collect::<Vec<_>>().join(", ")
    }
}

/// Tells the service manager, where there is one.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager was not reached");
    }
}
