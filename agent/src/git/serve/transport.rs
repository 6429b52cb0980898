//! The connection to the remote, for every kind of URL, and the question for the tip of the branch on it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gix::bstr::ByteSlice as _;
use gix::progress::Discard;
use gix::protocol::ls_refs::RefPrefixes;
use gix::protocol::transport::client::TransportWithoutIO as _;
use gix::protocol::transport::client::blocking_io::connect::{Options, connect as dial};
use gix::protocol::transport::client::blocking_io::{Transport as Connection, http, ssh};
use gix::protocol::transport::{Protocol, Service};
use gix::protocol::{Handshake, LsRefsCommand, handshake};
use pull_agent_core::Revision;

use super::Fault;
use crate::git::credentials::{ssh_command, token};
use crate::git::remote::{Remote, Transport};
use crate::tls;

/// How the agent names itself to git servers.
const AGENT: &str = concat!("pull-agent/", env!("CARGO_PKG_VERSION"));

/// A host that does not answer within this time is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// An open connection whose greeting was exchanged.
pub(super) struct Connected {
    pub(super) transport: Box<dyn Connection + Send>,
    pub(super) handshake: Handshake,
}

/// Connects and shakes hands. No program is asked for credentials, and nobody at a terminal.
pub(super) fn connect(remote: &Remote) -> Result<Connected, Fault> {
    let fault = |error: gix::Error| Fault::remote(&error, false);
    let url = gix::url::parse(remote.url.as_str()).map_err(fault)?;
    let mut options = Options { version: Protocol::V2, ssh: ssh::connect::Options::default(), trace: false };
    if remote.transport() == Transport::Ssh {
        options.ssh.command = Some(ssh_command(remote)?.into());
        options.ssh.kind = Some(ssh::ProgramKind::Ssh);
    }
    let mut transport = dial(url, options).map_err(fault)?;
    if remote.transport() == Transport::Http {
        let configured = transport.configure(&http_options(remote)?);
        configured.map_err(|error| Fault::Remote {
            text: format!("the HTTP client cannot be configured: {error}"),
            answered: false,
        })?;
    }
    let nobody = |_| Ok(None);
    let result = handshake(&mut transport, Service::UploadPack, nobody, Vec::new(), &mut Discard);
    let handshake = result.map_err(|error| match remote.transport() {
        // All that gitoxide leaves of ssh's own line.
        Transport::Ssh if error.is_unauthenticated() => Fault::SshKey,
        Transport::Ssh | Transport::Http | Transport::Other => fault(error),
    })?;
    Ok(Connected { transport, handshake })
}

fn http_options(remote: &Remote) -> Result<http::Options, Fault> {
    let anchors = tls::trust_anchors(remote.ca_file.as_deref())?;
    let quiet = remote.timeout;
    let direct = remote.is_loopback();
    let mut options = http::Options {
        backend: Some(Arc::new(Mutex::new(http::reqwest::Options {
            configure_client: Some(Box::new(move |builder: reqwest::blocking::ClientBuilder| {
                let builder = if direct { builder.no_proxy() } else { builder };
                Ok(builder
                    .connect_timeout(CONNECT_TIMEOUT)
                    .timeout(quiet)
                    .tls_certs_merge(anchors.iter().cloned()))
            })),
            // With it set gitoxide refuses redirects, and says so.
            configure_request: Some(Box::new(|_| Ok(()))),
        }))),
        ..http::Options::default()
    };
    if let Some(token) = token(remote)? {
        options.extra_headers.push(format!("Authorization: {}", *token.basic_field()));
    }
    Ok(options)
}

/// Returns the product's name for the protocol.
pub(super) fn agent() -> gix::protocol::command::Feature {
    ("agent", Some(AGENT.into()))
}

/// Asks for the tip of the branch; none when there is no such branch. Servers of protocol version 2 send only refs with
/// the same beginning.
pub(super) fn tip(remote: &Remote) -> Result<Option<Revision>, Fault> {
    let reference = remote.reference();
    let Connected { mut transport, mut handshake } = connect(remote)?;
    let refs = match handshake.refs.take() {
        Some(refs) => refs,
        None => {
            let mut prefixes = RefPrefixes::new();
            prefixes.extend([reference.as_str().into()]);
            LsRefsCommand::new(Some(prefixes), &handshake.capabilities, agent())
                .invoke_blocking(&mut transport, &mut Discard, false)
                .map_err(|error| Fault::remote(&error, false))?
        }
    };
    let ids = refs.iter().find_map(|entry| {
        let (name, id, _) = entry.unpack();
        (name.as_bytes() == reference.as_bytes()).then_some(id).flatten()
    });
    let Some(id) = ids else { return Ok(None) };
    let revision = Revision::parse(&id.to_string());
    revision.map(Some).map_err(|error| Fault::Remote {
        text: format!("the remote's {reference} is at no commit: {error}"),
        answered: true,
    })
}
