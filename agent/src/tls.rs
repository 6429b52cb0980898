//! The one TLS stack of the program: rustls with ring, and the trust anchors of the machine plus configured ones.
//! Never turns verification off.

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use reqwest::{Certificate, ClientBuilder, redirect};

use crate::loopback::is_loopback;

/// How a client names itself where nothing else is asked for.
pub const USER_AGENT: &str = concat!("pull-agent/", env!("CARGO_PKG_VERSION"));

/// A peer that does not take a connection and finish TLS within this time counts as down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes ring the process's cryptography. Called once by every entry point before the first connection; more calls do
/// nothing.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!("a provider of cryptography was installed before; it stays");
        }
    });
}

/// Returns the start of every HTTP client of the program: rustls with the machine's trust anchors (`SSL_CERT_FILE` and
/// `SSL_CERT_DIR` count) plus those of `ca_file`, a limit on connecting, no redirect followed by itself, no `Referer`,
/// and [`USER_AGENT`]. To a `host` that is this machine it goes by no proxy of the environment. The caller sets what else
/// it needs: total time, pool.
///
/// # Errors
/// When `ca_file` cannot be read or holds no certificate in PEM.
pub fn client_builder(host: &str, ca_file: Option<&Path>) -> Result<ClientBuilder, TlsError> {
    install();
    let builder = ClientBuilder::new()
        .tls_certs_merge(trust_anchors(ca_file)?)
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(redirect::Policy::none())
        .referer(false);
    // What is meant for this machine goes to nobody else, least of all a token.
    Ok(if is_loopback(host) { builder.no_proxy() } else { builder })
}

/// Returns the certificates of `ca_file`, which counts beside the machine's own; none without a file. For clients that
/// are not built here, such as the blocking one inside of gitoxide.
///
/// # Errors
/// When the file cannot be read or holds no certificate in PEM.
pub fn trust_anchors(ca_file: Option<&Path>) -> Result<Vec<Certificate>, TlsError> {
    let Some(path) = ca_file else { return Ok(Vec::new()) };
    let pem = std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })?;
    let found = Certificate::from_pem_bundle(&pem)
        .map_err(|source| TlsError::NotPem { path: path.to_owned(), source })?;
    if found.is_empty() {
        return Err(TlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(found)
}

/// Why there are no trust anchors.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TlsError {
    /// The file cannot be read.
    #[error("the trust anchors {} cannot be read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A block of the file is broken.
    #[error("the trust anchors {} are not valid PEM", path.display())]
    NotPem {
        path: PathBuf,
        #[source]
        source: reqwest::Error,
    },
    /// The file holds no block that is a certificate.
    #[error("the trust anchors {} hold no certificate in PEM (BEGIN CERTIFICATE)", path.display())]
    NoCertificate { path: PathBuf },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &[u8], expected: &str) {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), content).expect("written");
        let error =
            client_builder("forge.example.org", Some(file.path())).expect_err("no anchors in it").to_string();
        assert!(error.contains(expected) && error.contains(file.path().to_str().expect("utf-8")), "{error}");
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        check(b"", "hold no certificate");
        check(b"hello\n", "hold no certificate");
        check(b"-----BEGIN CERTIFICATE-----\n?!\n-----END CERTIFICATE-----\n", "are not valid PEM");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = client_builder("forge.example.org", Some(Path::new("/nonexistent/ca.pem")))
            .expect_err("there is none");
        assert_eq!(error.to_string(), "the trust anchors /nonexistent/ca.pem cannot be read");
    }

    #[test]
    fn without_a_file_the_machine_decides() {
        client_builder("forge.example.org", None).expect("nothing to read").build().expect("a client");
    }
}
