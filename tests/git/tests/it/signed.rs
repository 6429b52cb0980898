//! Signatures: the agent says of a commit what `git verify-commit` says.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pull_agent::git::{below_tip, fetch};
use pull_agent::settings::Trust;
use pull_agent_git_tests::run;

use crate::bed::{Bed, program, revision, told};

/// A bed whose origin signs, and the files of keys beside it.
struct Signing {
    bed: Bed,
    signers: PathBuf,
}

/// How `git commit` signs.
const SIGN: [&str; 2] = ["-c", "gpg.format=ssh"];

impl Signing {
    fn new() -> Self {
        let bed = Bed::new();
        let signers = bed.path("signers");
        Self { bed, signers }
    }

    /// A new private key; beside it lies the public one.
    fn key(&self, name: &str, kind: &[&str]) -> PathBuf {
        let path = self.bed.path(name);
        let quiet = ["-q", "-N", "", "-C", "a comment", "-f"];
        run(Command::new("ssh-keygen").args(kind).args(quiet).arg(&path));
        path
    }

    fn ed25519(&self, name: &str) -> PathBuf {
        self.key(name, &["-t", "ed25519"])
    }

    /// Writes who may sign: principals and options, and the key.
    fn allow(&self, lines: &[(&str, &Path)]) {
        let line = |(before, key): &(&str, &Path)| format!("{before} {}\n", public(key));
        std::fs::write(&self.signers, lines.iter().map(line).collect::<String>()).expect("a new file");
    }

    /// A commit that changes a file, signed with a key; none: not signed.
    fn commit(&self, content: &str, key: Option<&Path>) -> String {
        let origin = &self.bed.origin;
        origin.write("signed", content);
        origin.git(&["add", "--all"]);
        let sign = key.map(|key| format!("--gpg-sign={}", key.display()));
        let sign = sign.as_deref().unwrap_or("--no-gpg-sign");
        origin.git(&[SIGN[0], SIGN[1], "commit", "--quiet", sign, "--message", content]);
        origin.head()
    }

    /// Puts the branch on a commit with this text.
    fn raw(&self, text: &str) -> String {
        self.bed.origin.raw_commit(text)
    }

    /// What git says of a commit.
    fn git_verifies(&self, id: &str) -> bool {
        let file = format!("gpg.ssh.allowedSignersFile={}", self.signers.display());
        let status = Command::new("git")
            .args(["-c", &file, "verify-commit", id])
            .current_dir(self.bed.origin.path())
            .stderr(Stdio::null())
            .status();
        status.expect("git is installed").success()
    }

    /// What the agent says of it: why it is not trusted.
    async fn untrusted(&self, tip: &str, deployed: Option<&str>, every_commit: bool) -> Option<String> {
        let trust = Trust { allowed_signers_file: self.signers.clone(), every_commit };
        let (bed, deployed) = (&self.bed, deployed.map(revision));
        let (repository, wanted) = (bed.repository(), revision(tip));
        let fetched =
            fetch(program(), &bed.source, Some(&trust), &repository, &wanted, deployed.as_ref(), &[]);
        let fetched = fetched.await.unwrap_or_else(|error| panic!("{}", told(&error)));
        bed.assert_readable(tip);
        fetched.untrusted
    }

    /// Both say this of the tip; `why` is in the agent's words.
    async fn agree(&self, tip: &str, why: Option<&str>) {
        assert_eq!(self.git_verifies(tip), why.is_none(), "git on {tip} ({why:?})");
        self.refused(tip, None, false, why).await;
    }

    async fn refused(&self, tip: &str, deployed: Option<&str>, every_commit: bool, why: Option<&str>) {
        let said = self.untrusted(tip, deployed, every_commit).await;
        match (&said, why) {
            (Some(said), Some(why)) => assert!(said.contains(why), "{why:?} is not in {said:?}"),
            (said, why) => assert_eq!(said.as_deref(), why, "{tip}"),
        }
    }
}

fn public(key: &Path) -> String {
    let text = std::fs::read_to_string(key.with_extension("pub")).expect("ssh-keygen writes both");
    text.trim_end().to_owned()
}

#[tokio::test]
async fn every_kind_of_key() {
    let kinds: [&[&str]; 6] = [
        &["-t", "ed25519"],
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "ecdsa", "-b", "521"],
        &["-t", "rsa", "-b", "2048"],
        &["-t", "rsa", "-b", "3072"],
    ];
    let signing = Signing::new();
    for (number, kind) in kinds.into_iter().enumerate() {
        let key = signing.key(&format!("key-{number}"), kind);
        let tip = signing.commit(&kind.join(" "), Some(&key));
        signing.allow(&[("ada@example.org", &key)]);
        signing.agree(&tip, None).await;
        let other = signing.ed25519(&format!("other-{number}"));
        signing.allow(&[("ada@example.org", &other)]);
        signing.agree(&tip, Some("which is not in ")).await;
    }
}

#[tokio::test]
async fn what_the_file_says_of_a_key() {
    let signing = Signing::new();
    let (key, other) = (signing.ed25519("key"), signing.ed25519("other"));
    let tip = signing.commit("one", Some(&key));
    for (before, why) in [
        ("ada@example.org", None),
        ("ada@example.org,bob@example.org", None),
        ("*@example.org,!eve@example.org", None),
        ("\"ada@example.org\"", None),
        ("ada@example.org namespaces=\"git\"", None),
        ("ada@example.org namespaces=\"file,g*\"", None),
        ("ada@example.org namespaces=\"file\"", Some("may sign for \"file\" only")),
        ("ada@example.org namespaces=\"*,!git\"", Some("may sign for ")),
        ("ada@example.org valid-after=\"20200101\"", None),
        ("ada@example.org valid-after=\"29990101\"", Some("is valid from 2999-")),
        ("ada@example.org valid-before=\"29990101\",namespaces=\"git\"", None),
        ("ada@example.org valid-before=\"20200101\"", Some("was valid until ")),
        ("ada@example.org valid-before=\"202001010000\"", Some("was valid until ")),
        ("ada@example.org cert-authority", Some("cert-authority: signatures by certificates")),
    ] {
        signing.allow(&[("eve@example.org", &other), (before, &key)]);
        signing.agree(&tip, why).await;
    }
    signing.allow(&[("ada valid-before=\"20200101\"", &key), ("ada valid-after=\"20200101\"", &key)]);
    signing.agree(&tip, None).await;
    std::fs::write(&signing.signers, "# nobody\n\n").expect("written");
    signing.agree(&tip, Some("which is not in ")).await;
    std::fs::remove_file(&signing.signers).expect("it was there");
    signing.agree(&tip, Some("nobody may sign: ")).await;
}

#[tokio::test]
async fn what_is_no_signature_of_it() {
    let signing = Signing::new();
    let key = signing.ed25519("key");
    signing.allow(&[("ada@example.org", &key)]);
    let unsigned = signing.commit("one", None);
    signing.agree(&unsigned, Some("carries no signature")).await;
    let good = signing.commit("two", Some(&key));
    signing.agree(&good, None).await;
    let text = signing.bed.origin.git(&["cat-file", "commit", &good]) + "\n";

    let tampered = signing.raw(&text.replace("\ntwo\n", "\nthree\n"));
    signing.agree(&tampered, Some("does not fit its content")).await;
    let other_tree = signing.bed.origin.git(&["rev-parse", &format!("{unsigned}^{{tree}}")]);
    let tree = signing.bed.origin.git(&["rev-parse", &format!("{good}^{{tree}}")]);
    let tampered = signing.raw(&text.replace(&tree, &other_tree));
    signing.agree(&tampered, Some("does not fit its content")).await;

    let payload = signing.bed.path("payload");
    let (head, tail) = text.split_once("\ngpgsig ").expect("it is signed");
    let (_, message) = tail.split_once("\n\n").expect("it has a message");
    std::fs::write(&payload, format!("{head}\n\n{message}")).expect("written");
    let sign = |namespace: &str| {
        run(Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
            .arg(&key)
            .arg(&payload)
            .stderr(Stdio::null()));
        let signature = payload.with_extension("sig");
        let armored = std::fs::read_to_string(&signature).expect("a signature");
        std::fs::remove_file(signature).expect("it was there");
        format!("{head}\ngpgsig {}\n\n{message}", armored.trim_end().replace('\n', "\n "))
    };
    signing.agree(&signing.raw(&sign("git")), None).await;
    signing.agree(&signing.raw(&sign("file")), Some("carries a signature for \"file\"")).await;

    let openpgp = " -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----";
    let openpgp = signing.raw(&format!("{head}\ngpgsig{openpgp}\n\n{message}"));
    signing.agree(&openpgp, Some("an OpenPGP signature")).await;
}

#[tokio::test]
async fn the_tip_alone_or_every_commit_since_the_deployed_one() {
    let signing = Signing::new();
    let key = signing.ed25519("key");
    signing.allow(&[("ada@example.org", &key)]);
    let deployed = signing.bed.origin.head();
    let unsigned = signing.commit("one", None);
    let tip = signing.commit("two", Some(&key));
    signing.refused(&tip, Some(&deployed), false, None).await;
    let why = format!("{unsigned}, which is new with {tip}, carries no signature");
    signing.refused(&tip, Some(&deployed), true, Some(&why)).await;
    signing.refused(&tip, Some(&unsigned), true, None).await;
    signing.refused(&tip, None, true, None).await;
    let three = signing.commit("three", Some(&key));
    signing.refused(&three, Some(&tip), true, None).await;
}

#[tokio::test]
async fn what_is_merged_must_be_signed_too_and_what_is_older_need_not() {
    let signing = Signing::new();
    let key = signing.ed25519("key");
    let origin = &signing.bed.origin;
    signing.allow(&[("ada@example.org", &key)]);
    let fork = signing.commit("one", None);
    signing.commit("two", None);
    let deployed = signing.commit("three", None);
    signing.refused(&deployed, None, false, Some("carries no signature")).await;
    let merge = |message: &str| {
        let sign = format!("--gpg-sign={}", key.display());
        let merge = ["merge", "--quiet", "--no-ff", "--strategy=ours", &sign, "--message", message, "side"];
        origin.git(&[&SIGN[..], &merge[..]].concat());
        origin.head()
    };
    origin.git(&["switch", "--quiet", "--create", "side", &fork]);
    signing.commit("on the side", Some(&key));
    origin.git(&["switch", "--quiet", "main"]);
    let merged = merge("all of it signed");
    signing.refused(&merged, Some(&deployed), true, None).await;
    // A clone that is made anew meanwhile is looked at in the making.
    std::fs::write(signing.bed.git_dir().join("HEAD"), "").expect("it was there");
    signing.refused(&merged, Some(&deployed), true, None).await;
    origin.git(&["switch", "--quiet", "side"]);
    let unsigned = signing.commit("more", None);
    origin.git(&["switch", "--quiet", "main"]);
    let merged = merge("not all of it signed");
    let why = format!("{unsigned}, which is new with {merged}, carries no signature");
    signing.refused(&merged, Some(&deployed), true, Some(&why)).await;
}

#[tokio::test]
async fn what_the_remote_does_not_send_is_not_trusted() {
    let signing = Signing::new();
    let key = signing.ed25519("key");
    signing.allow(&[("ada@example.org", &key)]);
    signing.commit("one", None);
    let tip = signing.commit("two", Some(&key));
    let gone = "1".repeat(40);
    signing.refused(&tip, Some(&gone), false, None).await;
    signing.refused(&tip, Some(&gone), true, Some("has a parent that the remote did not send")).await;
}

#[tokio::test]
async fn what_is_below_a_tip_is_signed_too() {
    let signing = Signing::new();
    let key = signing.ed25519("key");
    signing.allow(&[("ada@example.org", &key)]);
    let deployed = signing.commit("zero", Some(&key));
    signing.refused(&deployed, None, false, None).await;
    let signed = signing.commit("one", Some(&key));
    signing.commit("two", None);
    let after = signing.commit("three", Some(&key));
    let tip = signing.commit("four", Some(&key));
    for (every_commit, expected) in [(false, vec![&after, &signed]), (true, vec![&signed])] {
        signing.untrusted(&tip, Some(&deployed), every_commit).await;
        let trust = Trust { allowed_signers_file: signing.signers.clone(), every_commit };
        let (bed, base) = (&signing.bed, revision(&deployed));
        let (repository, top) = (bed.repository(), revision(&tip));
        let found = below_tip(program(), &bed.source, Some(&trust), &repository, &top, Some(&base), &[]);
        let found = found.await.unwrap_or_else(|error| panic!("{}", told(&error)));
        let found: Vec<_> = found.iter().map(|below| below.revision.as_str()).collect();
        assert_eq!(found, expected);
    }
}
