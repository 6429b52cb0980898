use ssh_key::private::{Ed25519Keypair, PrivateKey};
use ssh_key::{HashAlg, LineEnding, SshSig};

use super::*;

const COMMIT: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a <a> 9 +0000\ncommitter a <a> 9 +0000\n\nsubject\n";

fn key(seed: u8) -> PrivateKey {
    Ed25519Keypair::from_seed(&[seed; 32]).into()
}

fn signature(key: &PrivateKey, namespace: &str, text: &str) -> String {
    let signature = SshSig::sign(key, namespace, HashAlg::Sha512, text.as_bytes()).expect("signed");
    signature.to_pem(LineEnding::LF).expect("armored")
}

/// The commit with this as its signature.
fn signed(commit: &str, signature: &str) -> Vec<u8> {
    let header = signature.trim_end().replace('\n', "\n ");
    commit.replacen("\n\n", &format!("\ngpgsig {header}\n\n"), 1).into_bytes()
}

/// What is said of a commit when the key of the first seed may sign, with these options.
fn said(options: &str, commit: &[u8], date: Option<i64>) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("signers");
    let public = key(1).public_key().to_openssh().expect("written");
    std::fs::write(&path, format!("ada@example.org {options} {public}\n")).expect("written");
    Signers::read(&path).expect("a good file").check(commit, date)
}

#[track_caller]
fn refused(options: &str, commit: &[u8], date: Option<i64>, why: &str) {
    let said = said(options, commit, date).expect_err("no good signature");
    assert!(said.contains(why), "{said}");
}

#[test]
fn a_good_signature_is_good() {
    let good = signature(&key(1), "git", COMMIT);
    assert_eq!(said("", &signed(COMMIT, &good), Some(9)), Ok(()));
    assert_eq!(said("namespaces=\"git\"", &signed(COMMIT, &good), None), Ok(()));
    let one_line =
        format!("{BEGIN}\n{}\n{END}\n", good.lines().filter(|it| !it.starts_with('-')).collect::<String>());
    assert_eq!(said("", &signed(COMMIT, &one_line), Some(9)), Ok(()), "however long its lines are");
}

#[test]
fn every_other_one_is_refused_with_the_reason() {
    let good = signature(&key(1), "git", COMMIT);
    refused("", COMMIT.as_bytes(), Some(9), "carries no signature");
    refused("", &signed(COMMIT, &signature(&key(2), "git", COMMIT)), Some(9), "which is not in ");
    refused(
        "",
        &signed(COMMIT, &signature(&key(1), "file", COMMIT)),
        Some(9),
        "for \"file\", not one for \"git\"",
    );
    let tampered = signed(&COMMIT.replace("subject", "another"), &good);
    refused("", &tampered, Some(9), "does not fit its content");
    let twice = signed(COMMIT, &good);
    let twice = signed(std::str::from_utf8(&twice).expect("text"), &good);
    refused("", &twice, Some(9), "more than one signature");
    refused(
        "",
        &signed(COMMIT, "-----BEGIN PGP SIGNATURE-----\nx\n-----END"),
        Some(9),
        "an OpenPGP signature",
    );
    refused("", &signed(COMMIT, "what is this"), Some(9), "a signature of an unknown form");
    refused("", &signed(COMMIT, &format!("{BEGIN}\n!!\n{END}")), Some(9), "cannot be read");
    refused("", &signed(COMMIT, &format!("{BEGIN}\nAAAA\n{END}")), Some(9), "cannot be read");
}

#[test]
fn what_the_file_says_of_a_key_counts() {
    let commit = signed(COMMIT, &signature(&key(1), "git", COMMIT));
    refused("namespaces=\"file\"", &commit, Some(9), "may sign for \"file\" only");
    let until_2020 = "valid-before=\"20200101Z\"";
    assert_eq!(said(until_2020, &commit, Some(1_577_836_800)), Ok(()));
    refused(
        until_2020,
        &commit,
        Some(1_577_836_801),
        "was valid until 2020-01-01T00:00:00Z; the commit is of 2020-01-01T00:00:01Z",
    );
    refused(until_2020, &commit, None, "the date of the commit cannot be read");
    let from_2020 = "valid-after=\"20200101Z\"";
    assert_eq!(said(from_2020, &commit, Some(1_577_836_800)), Ok(()));
    refused(from_2020, &commit, Some(1_577_836_799), "is valid from 2020-01-01T00:00:00Z on");
}
