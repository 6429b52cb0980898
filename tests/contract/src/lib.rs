//! A validating proxy: Prism with GitHub's own description of its API, in front of the stand-in. What the description
//! does not allow becomes an error answer, or an entry of the header field `sl-violations`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Prism reads several hundred files before it listens; on a cold disk that takes a while.
const START: Duration = Duration::from_secs(120);

/// The words with which Prism says where it listens.
const LISTENING: &str = "listening on ";

/// Severities as Prism writes them into `sl-violations`.
const WARNING: &str = "Warning";

/// All that a status beside those of the description is: GitHub's lists only 200 for check runs, although it answers
/// 304, 401, 403, 404, 422, 429 and 5xx there too.
const UNLISTED_STATUS: &str = "Unable to match the returned status code";

/// A running proxy; it ends when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    _process: Child,
    _description: tempfile::TempDir,
}

/// Something that the description does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Violation {
    /// Where: `["response", "body", "check_runs", "0", "conclusion"]`.
    #[serde(default)]
    pub location: Vec<String>,
    /// `Error`, `Warning` …
    pub severity: String,
    /// What disagrees with the description.
    pub message: String,
}

impl Violation {
    /// Whether this is the one thing that is allowed: a status that the description does not list.
    #[must_use]
    pub fn is_unlisted_status(&self) -> bool {
        self.severity == WARNING && self.message.starts_with(UNLISTED_STATUS)
    }
}

impl Proxy {
    /// Starts one in front of this address.
    ///
    /// # Errors
    /// When the packages of `package-lock.json` are not installed, or the proxy does not come up.
    pub async fn start(upstream: &str) -> anyhow::Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let description = tempfile::tempdir()?;
        let cut = description.path().join("api.github.com.json");
        cut_description(here, &cut).await?;
        let mut process = Command::new(here.join("node_modules/.bin/prism"))
            .args(["proxy", "--errors", "--host", "127.0.0.1", "--port", "0"])
            .arg(&cut)
            .arg(upstream)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("prism cannot be started; tests/contract/run.sh installs it")?;
        let stdout = process.stdout.take().context("its output is a pipe")?;
        let mut lines = BufReader::new(stdout).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, url)) = line.split_once(LISTENING) {
                    return Ok(url.trim().to_owned());
                }
            }
            bail!("prism ended before it listened")
        };
        let url = tokio::time::timeout(START, listening).await.context("prism does not come up")??;
        // It writes a line for each request: the pipe must not fill up.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { url, _process: process, _description: description })
    }

    /// Its address, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// GitHub's description has 13 MB, of which a few routes are used.
async fn cut_description(here: &Path, out: &PathBuf) -> anyhow::Result<()> {
    let status = Command::new("node").arg(here.join("cut.mjs")).arg(out).status().await.context("node")?;
    if !status.success() {
        bail!("GitHub's description cannot be cut: {status}; tests/contract/run.sh installs it");
    }
    Ok(())
}
