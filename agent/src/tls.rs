//! The one TLS stack of the program: rustls with ring, and the trust anchors of the machine plus configured ones.

use std::sync::Once;

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
