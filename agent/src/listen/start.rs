//! From the configuration file to the serving listener.

use std::io;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::{ListenError, run};
use crate::settings::{self, ConfigErrors};
use crate::signals::{Asked, Asks};

/// Why the listener ended.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum StartError {
    #[error("{0}")]
    Config(ConfigErrors),
    #[error("cannot take signals")]
    Signals(#[source] io::Error),
    #[error("cannot start the listener")]
    Listen(#[source] ListenError),
}

/// Runs `pull-agent listen` until SIGTERM or SIGINT. It has nothing to read anew or to poll: other signals change nothing.
///
/// # Errors
/// When the configuration is bad or the listener cannot start.
pub async fn start(config: &Path, user: Option<&str>) -> Result<(), StartError> {
    let settings = settings::load_for_listen(config).map_err(StartError::Config)?;
    let mut asks = Asks::new().map_err(StartError::Signals)?;
    let stop = CancellationToken::new();
    let listener = run(&settings, user, stop.clone());
    tokio::pin!(listener);
    loop {
        tokio::select! {
            asked = asks.next() => match asked {
                Asked::Stop => stop.cancel(),
                Asked::Reload | Asked::Poll => tracing::info!("the listener has nothing to read anew; restart it"),
            },
            ended = &mut listener => return ended.map_err(StartError::Listen),
        }
    }
}
