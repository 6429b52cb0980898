//! A private RSA key, and the tokens that are signed by it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::SecretString;

use super::{SecretError, Token, file};

/// A private key as GitHub makes them: RSA, in PEM, by PKCS #1 or #8.
#[derive(Debug)]
pub(crate) struct SigningKey(KeyPair);

impl SigningKey {
    /// Reads the key of the configuration's `key`, on a thread of its own.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no such key.
    pub(crate) async fn read_apart(key: &'static str, path: &Path) -> Result<Self, SecretError> {
        let file = path.to_owned();
        let read = tokio::task::spawn_blocking(move || Self::read(key, &file)).await;
        read.unwrap_or_else(|panic| {
            let source = std::io::Error::other(panic);
            Err(SecretError::Unreadable { key, path: path.to_owned(), source })
        })
    }

    fn read(key: &'static str, path: &Path) -> Result<Self, SecretError> {
        let unreadable = |source| SecretError::Unreadable { key, path: path.to_owned(), source };
        let unusable = |why| SecretError::Unusable { key, path: path.to_owned(), why };
        let text = file::read(path).map_err(unreadable)?;
        let der = PrivateKeyDer::from_pem_slice(text.as_bytes())
            .map_err(|_| unusable("holds no private key in PEM"))?;
        let pair = match &der {
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Sec1(_) | _ => return Err(unusable("is no RSA key")),
        };
        pair.map(Self).map_err(|_| unusable("is no RSA key of 2048 bits or more"))
    }

    /// A JSON Web Token (RFC 7519) by RS256. Both times are in seconds since 1970.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn token(
        &self,
        issuer: u64,
        issued: i64,
        expires: i64,
    ) -> Result<Token, ring::error::Unspecified> {
        let claims = serde_json::json!({ "iss": issuer.to_string(), "iat": issued, "exp": expires });
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(r#"{"alg":"RS256","typ":"JWT"}"#), part(&claims.to_string()));
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)?;
        Ok(Token(SecretString::from(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<SigningKey, SecretError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key.pem");
        std::fs::write(&path, content).expect("written");
        SigningKey::read("gate.app.private_key_file", &path)
    }

    #[test]
    fn both_forms_are_read_and_nothing_else() {
        read(pull_agent_forge::APP_KEY).expect("PKCS #1");
        read(pull_agent_forge::APP_KEY_PKCS8).expect("PKCS #8");
        let public = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        let broken = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        for (content, why) in [("", "PEM"), ("s3cret", "PEM"), (public, "PEM"), (broken, "RSA")] {
            let error = read(content).expect_err("no key").to_string();
            assert!(error.contains(why) && error.contains("gate.app.private_key_file = /"), "{error}");
            assert!(!error.contains("s3cret") && !error.contains("AAAA"), "{error}");
        }
    }

    #[test]
    fn nothing_that_can_be_printed_holds_it() {
        let key = read(pull_agent_forge::APP_KEY).expect("a key");
        let token = key.token(12, 0, 60).expect("random numbers");
        let sent = token.bearer().expect("a value");
        let sent =
            std::str::from_utf8(sent.as_bytes()).expect("text").trim_start_matches("Bearer ").to_owned();
        assert_eq!(sent.split('.').count(), 3);
        assert!(!format!("{token:?}").contains(&sent));
    }
}
