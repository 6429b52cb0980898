//! Whether a commit carries a good SSH signature by somebody who may sign: what `git verify-commit` says with
//! `gpg.format = ssh` and `gpg.ssh.allowedSignersFile`. Never signs, never starts a program, never asks the network.

mod payload;
mod signers;
mod time;

pub(in crate::git) use signers::Signers;

use gix::bstr::ByteSlice as _;
use ssh_key::{HashAlg, PublicKey, SshSig, public::KeyData};

use payload::{Signed, split};

/// What git signs for (gpg-interface.c of git: `ssh-keygen -Y sign -n git`).
const NAMESPACE: &str = "git";

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

impl Signers {
    /// Looks at the text of a commit object, whose committer's date is in seconds since 1970; none where it cannot be read.
    ///
    /// # Errors
    /// Why there is no good signature, to be read after the commit's id.
    pub(in crate::git) fn check(&self, commit: &[u8], date: Option<i64>) -> Result<(), String> {
        let Signed { payload, signatures } = split(commit);
        let armored = match &signatures[..] {
            [] => return Err("carries no signature".to_owned()),
            [one] => one.to_str_lossy(),
            _ => return Err("carries more than one signature".to_owned()),
        };
        let signature = read(&armored)?;
        if signature.namespace() != NAMESPACE {
            return Err(format!(
                "carries a signature for {:?}, not one for {NAMESPACE:?}",
                signature.namespace()
            ));
        }
        let key = signature.public_key();
        self.allows(key, date)?;
        PublicKey::from(key.clone()).verify(NAMESPACE, &payload, &signature).map_err(|error| {
            let supported = !matches!(error, ssh_key::Error::AlgorithmUnsupported { .. });
            let why =
                if supported { "that does not fit its content" } else { "of a kind that is not supported" };
            format!("carries a signature by {} {why}", told(key))
        })
    }
}

/// Reads what is between the lines that git and ssh-keygen put around a signature, however long its lines are.
fn read(armored: &str) -> Result<SshSig, String> {
    let armored = armored.trim();
    let Some(inner) = armored.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)) else {
        let kind = match armored {
            text if text.starts_with("-----BEGIN PGP") => "an OpenPGP signature",
            text if text.starts_with("-----BEGIN SIGNED MESSAGE") => "an X.509 signature",
            _ => "a signature of an unknown form",
        };
        return Err(format!("carries {kind}; only SSH signatures are looked at"));
    };
    let unreadable = |why: &dyn std::fmt::Display| format!("carries a signature that cannot be read: {why}");
    let digits: String = inner.split_ascii_whitespace().collect();
    let engine = &base64::engine::general_purpose::STANDARD;
    let bytes = base64::Engine::decode(engine, digits).map_err(|error| unreadable(&error))?;
    ssh_encoding::Decode::decode(&mut &bytes[..]).map_err(|error: ssh_key::Error| unreadable(&error))
}

/// A key as ssh-keygen shows it.
fn told(key: &KeyData) -> String {
    format!("the key {} ({})", key.fingerprint(HashAlg::Sha256), key.algorithm())
}

#[cfg(test)]
mod tests;
