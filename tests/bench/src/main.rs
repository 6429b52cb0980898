//! What the benchmark (`tests/bench/figures.py`) needs of the agent's own code. `serve` is a git server over https until
//! its input ends; `polls` is the agent's poll, again and again. Measures nothing but its own CPU time, judges nothing.
#![expect(clippy::print_stdout, reason = "this is a program whose output is read by another")]

use std::io::{BufRead as _, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use pull_agent::git::Poller;
use pull_agent::settings::Source;
use pull_agent_git_tests::HttpServer;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve", root] => serve(Path::new(root)),
        ["polls", url, ca_file, count] => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(polls(source(url, ca_file), count.parse().context("COUNT is a number")?))
        }
        _ => bail!("usage: pull-agent-bench serve FOLDER | polls URL CA_FILE COUNT"),
    }
}

/// Prints port and file of the certificate authority, then serves until standard input ends.
fn serve(root: &Path) -> Result<()> {
    let server = HttpServer::start_tls(root);
    let ca_file = server.ca_file().context("a server with TLS has an authority")?;
    println!("{} {}", server.port(), ca_file.display());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Polls once, which makes the connection and reads the machine's certificates, and prints the CPU time of that; when a
/// line comes in, polls `count` times and prints the CPU time of these. Both in microseconds, user and system.
async fn polls(source: Source, count: u32) -> Result<()> {
    let mut poller = Poller::new(&source, Path::new("pull-agent"));
    let begin = cpu_time()?;
    poller.poll().await?;
    println!("{}", cpu_time()? - begin);
    std::io::stdin().lock().read_line(&mut String::new())?;
    let begin = cpu_time()?;
    for _ in 0..count {
        poller.poll().await?;
    }
    println!("{}", cpu_time()? - begin);
    Ok(())
}

/// CPU time of this process so far, in microseconds.
fn cpu_time() -> Result<i64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok(usage.user_time().num_microseconds() + usage.system_time().num_microseconds())
}

fn source(url: &str, ca_file: &str) -> Source {
    Source {
        url: url.to_owned(),
        branch: "main".to_owned(),
        directory: ".".to_owned(),
        poll_interval: Duration::from_secs(60),
        timeout: Duration::from_secs(60),
        token_file: None,
        ssh_key_file: None,
        known_hosts_file: None,
        ca_file: Some(PathBuf::from(ca_file)),
    }
}
