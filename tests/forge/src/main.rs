//! `forge-stand-in`: the stand-in as a program, for the demo, shells and other languages.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use pull_agent_forge::{Document, Forge, TokenKind, TokenSpec};

/// A stand-in of GitHub's REST API with a memory
#[derive(Debug, Parser)]
#[command(name = "forge-stand-in", version)]
struct Arguments {
    /// Address to listen on; port 0 is a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A token that may read everything; may be given several times. Without one any token will do
    #[arg(long)]
    token: Vec<String>,
    /// Scheme, host and port that links in answers name, where a proxy stands before this [default: its own]
    #[arg(long)]
    origin: Option<String>,
    /// JSON file with repositories, tokens, commits, checks, pulls, faults and rate_limit
    #[arg(long)]
    world: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let forge = Forge::listen(arguments.listen)
        .await
        .with_context(|| format!("{} cannot be listened on", arguments.listen))?;
    if let Some(path) = &arguments.world {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let document: Document = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        forge.world().load(document);
    }
    if let Some(origin) = arguments.origin {
        forge.world().origin = origin;
    }
    for token in arguments.token {
        forge.world().put_token(TokenSpec {
            token,
            kind: TokenKind::App,
            permissions: None,
            repositories: None,
            expired: false,
        });
    }
    let mut out = std::io::stdout();
    writeln!(out, "{}", forge.url())?;
    out.flush()?;
    forge.wait().await.context("the server ended")
}
