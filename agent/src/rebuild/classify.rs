//! Why a build failed. nix has no machine format for that, so here, and nowhere else, its texts are looked at: one short list
//! that tells what may pass by itself. Whatever the list does not know is not tried again. The texts are those of nix 2.18 to
//! 2.34, libcurl, git, OpenSSH and fetchurl of nixpkgs.

mod derivation;

use pull_agent_core::{Cause, Consequence, ReasonCode};

use crate::text;

/// A disk or a memory that is full shows in any line: of nix, of a builder, of the boot loader.
const DISK: &[&str] = &["no space left on device", "disk quota exceeded", "database or disk is full"];
const MEMORY: &[&str] = &[
    "out of memory",
    "cannot allocate memory",
    "std::bad_alloc",
    "oom-kill",
    "failed due to signal 9",
    "unable to fork",
];

/// Counts in error lines of nix, git and ssh only: a test suite may print any of these.
const TRANSIENT: &[&str] = &[
    "unable to download",
    "could not resolve host",
    "couldn't resolve host",
    "temporary failure in name resolution",
    "name or service not known",
    "couldn't connect to server",
    "could not connect to server",
    "failed to connect to",
    "connection refused",
    "connection reset",
    "connection timed out",
    "connection closed by",
    "operation timed out",
    "timeout was reached",
    "network is unreachable",
    "no route to host",
    "ssl connect error",
    "broken pipe",
    "unexpected end-of-file",
    "stream was not closed cleanly",
    "http error 408",
    "http error 429",
    "http error 5",
    "returned error: 5",
    "rate limit exceeded",
    "some substitutes for",
    "cannot connect to socket at",
    "cannot connect to daemon",
    "nix daemon disconnected",
    "database is busy",
    "database is locked",
    "could not read from remote repository",
    "the remote end hung up",
    "early eof",
    // Builders: one that cannot be reached leaves nobody to build on.
    "failed to start ssh connection to",
    "unable to start any build",
    // TLS, in the words of OpenSSL and GnuTLS.
    "ssl certificate problem",
    "ssl peer certificate",
    "server certificate verification failed",
    "tls connect error",
    "ssl_error_syscall",
    "gnutls_handshake() failed",
    "tls connection was non-properly terminated",
    "unexpected eof while reading",
];

/// Counts in error lines of nix and git only: the host's own disk, clock or limits, which say nothing of the revision.
const HOST: &[&str] = &[
    "certificate is not yet valid",
    "read-only file system",
    "input/output error",
    "structure needs cleaning",
    "too many open files",
    "requires non-existent output",
];

/// What a download inside of a builder says, curl's exit codes for what a network does: 6 no name, 7 no connection, 28 time,
/// 35 TLS, 52 and 56 nothing came.
const TRANSIENT_IN_BUILDER: &[&str] =
    &["curl: (6)", "curl: (7)", "curl: (28)", "curl: (35)", "curl: (52)", "curl: (56)"];

/// Said of a store path, it is gone: collected between the evaluation and the build.
const GONE: &[&str] = &["is not valid", "no such file or directory", "does not exist"];

/// A builder said no; a later try has the same end.
const BUILD: &[&str] = &[
    "error: cannot build",
    "error: builder for",
    "failed with exit code",
    "failed to produce output",
    "hash mismatch",
    "dependencies of derivation",
    "required system or feature",
];

/// An evaluation said no; a later try has the same end.
const EVALUATION: &[&str] = &[
    "does not provide attribute",
    "undefined variable",
    "attribute '",
    "syntax error",
    "infinite recursion",
    "failed assertions",
    "the option `",
    "while evaluating",
    "while calling",
    "is not valid",
    "does not exist",
    "cannot find flake",
    "is not a flake",
    "refusing to",
    "has an unsupported",
];

/// nixos-rebuild tells that a signal ended its child by 256 less the signal; a shell by 128 and the signal.
const KILLED: [i32; 2] = [256 - 9, 128 + 9];

/// Why something failed: the word, and the line of the output that tells most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) code: ReasonCode,
    pub(super) sentence: String,
}

impl Found {
    pub(super) fn new(code: ReasonCode, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into() }
    }

    /// Whether it may pass by itself.
    pub(super) fn may_pass(&self) -> bool {
        self.code.consequence() == Consequence::TryAgain
    }
}

impl From<Found> for Cause {
    fn from(found: Found) -> Self {
        Self::told(found.code, found.sentence)
    }
}

/// What nix says when a git of its own failed; what git said stands before it.
const GIT_FAILED: &str = "program 'git' failed with exit code";

/// Classifies an exit code of `nixos-rebuild build` with the end of its output.
pub(super) fn exit(code: i32, output: &str) -> Found {
    let found = classify(output);
    if KILLED.contains(&code) && !found.may_pass() {
        return Found::new(ReasonCode::OutOfMemory, format!("nix was killed{}", hint(9)));
    }
    if found.sentence.is_empty() {
        return Found::new(found.code, format!("exit code {code}, without a word"));
    }
    found
}

/// Classifies by the end of the output alone. The sentence is which derivation failed and why, or the line that tells most;
/// empty when there is none.
pub(super) fn classify(output: &str) -> Found {
    let lines: Vec<Line> = output.lines().map(Line::new).filter(|line| !line.text.is_empty()).collect();
    let find = |texts: &[&str], counts: Counts| {
        lines.iter().rev().find(|line| counts(line) && texts.iter().any(|text| line.lower.contains(text)))
    };
    let any: Counts = |line| line.source != Source::Warning;
    let of_nix: Counts = |line| matches!(line.source, Source::Error | Source::Nix);
    let kinds: [Rule; 8] = [
        (ReasonCode::DiskFull, DISK, any),
        (ReasonCode::OutOfMemory, MEMORY, any),
        (ReasonCode::HostFault, HOST, |line| line.source == Source::Error),
        (ReasonCode::HostFault, GONE, Line::names_a_lost_path),
        (ReasonCode::Network, TRANSIENT, |line| line.source == Source::Error && !line.is_about_a_builder()),
        (ReasonCode::Network, TRANSIENT_IN_BUILDER, any),
        (ReasonCode::BuildFailed, BUILD, of_nix),
        (ReasonCode::EvaluationFailed, EVALUATION, of_nix),
    ];
    for (code, texts, counts) in kinds {
        if let Some(line) = find(texts, counts) {
            if line.lower.contains(GIT_FAILED)
                && let Some(fatal) = lines.iter().rev().find(|line| line.lower.starts_with("fatal:"))
            {
                return Found::new(ReasonCode::EvaluationFailed, fatal.text.clone());
            }
            if code.consequence() == Consequence::Hold {
                let best = || best(&lines).unwrap_or(line).text.clone();
                return Found::new(code, derivation::first_failed(&lines).unwrap_or_else(best));
            }
            return Found::new(code, line.text.clone());
        }
    }
    Found::new(ReasonCode::Unclassified, best(&lines).map(|line| line.text.clone()).unwrap_or_default())
}

/// Classifies why a step could not be started.
pub(super) fn not_started(sentence: String) -> Found {
    let code = classify(&sentence).code;
    let code = if code.consequence() == Consequence::Hold { ReasonCode::Unclassified } else { code };
    Found { code, sentence }
}

/// What is wrong with the host and not with the revision: no room, or another fault that may pass.
pub(super) fn of_host(sentence: String) -> Found {
    let is_full = classify(&sentence).code == ReasonCode::DiskFull;
    let code = if is_full { ReasonCode::DiskFull } else { ReasonCode::HostFault };
    Found { code, sentence }
}

/// What a signal probably means.
pub(super) fn hint(signal: i32) -> &'static str {
    if signal == 9 { ", probably because memory ran out" } else { "" }
}

/// Whether the texts of a rule count in a line.
type Counts = fn(&Line) -> bool;

/// A word, the texts that tell it, and where they count.
type Rule = (ReasonCode, &'static [&'static str], Counts);

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// nix, git, ssh: what went wrong.
    Error,
    /// nix: what it got over, a download that is tried again above all.
    Warning,
    /// A builder; nix puts `name> ` or `> ` before its lines.
    Builder,
    /// Whoever else.
    Nix,
}

struct Line {
    text: String,
    lower: String,
    source: Source,
}

impl Line {
    fn new(raw: &str) -> Self {
        let text = text::clean(raw);
        let lower = text.to_lowercase();
        let source = if lower.starts_with("warning:") {
            Source::Warning
        } else if is_of_builder(&text) {
            Source::Builder
        } else if ["error:", "fatal:", "ssh:", "kex_"].iter().any(|start| lower.starts_with(start))
            || lower.contains(" error: ")
        {
            Source::Error
        } else {
            Source::Nix
        };
        Self { text, lower, source }
    }
}

impl Line {
    /// Of a builder that did not answer nix says so, and builds elsewhere; only when it cannot that is an error.
    fn is_about_a_builder(&self) -> bool {
        self.lower.starts_with("cannot build on ")
    }

    /// Whether it is about a store path itself or a derivation, which evaluations make, and not about a file of the flake, which
    /// whoever wrote the flake forgot.
    fn names_a_lost_path(&self) -> bool {
        let Some((before, rest)) = self.lower.split_once("'/nix/store/") else { return false };
        let Some((name, after)) = rest.split_once('\'') else { return false };
        let is_whole = !name.contains('/') && before.ends_with("path ") && after.starts_with(" is not valid");
        self.source == Source::Error && (is_whole || name.ends_with(".drv"))
    }
}

fn is_of_builder(text: &str) -> bool {
    text.split_once('>').is_some_and(|(name, rest)| {
        !name.contains(char::is_whitespace) && (rest.is_empty() || rest.starts_with(' '))
    })
}

/// The line that tells most: the last error of nix, else the last line that is not nixos-rebuild's own farewell.
fn best(lines: &[Line]) -> Option<&Line> {
    let tells = |line: &&Line| line.lower != "error:" && !line.text.starts_with("Command '");
    let error = lines.iter().rev().filter(tells).find(|line| line.source == Source::Error);
    error.or_else(|| lines.iter().rev().find(tells)).or(lines.last())
}

#[cfg(test)]
mod tests;
