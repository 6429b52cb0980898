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
use reqwest::blocking::ClientBuilder;
use reqwest::header::{AUTHORIZATION, LOCATION};
use reqwest::redirect::Policy;

use super::Fault;
use super::fault::is_redirect;
use crate::error::chain;
use crate::git::credentials::{ssh_command, token};
use crate::git::moved::{GREETING, REDIRECTS, redirected};
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

/// Connects and shakes hands, where a server redirects within itself at the new address. No program is asked for credentials,
/// and nobody at a terminal.
pub(super) fn connect(remote: &Remote) -> Result<Connected, Fault> {
    let mut at = remote.url.clone();
    let mut redirects = 0;
    loop {
        let (fault, redirect) = match connect_at(remote, &at) {
            Ok(connected) => return Ok(connected),
            Err(failed) => failed,
        };
        redirects += 1;
        match redirect.then(|| moved_to(remote, &at)).transpose()?.flatten() {
            Some(to) if to != at && redirects < REDIRECTS => at = to,
            Some(_) | None => return Err(fault),
        }
    }
}

/// Where a server says that the repository is now.
fn moved_to(remote: &Remote, at: &str) -> Result<Option<String>, Fault> {
    let silent = |error: reqwest::Error| Fault::Remote {
        text: format!("the redirect cannot be looked at: {}", chain(&error.without_url())),
        answered: false,
    };
    let builder = ClientBuilder::new().redirect(Policy::none());
    let client = configuration(remote)?(builder).build().map_err(silent)?;
    let at = at.trim_end_matches('/');
    let mut request = client.get(format!("{at}{GREETING}?service=git-upload-pack"));
    if let Some(token) = token(remote)? {
        let unfit = |_| Fault::Remote { text: "the token cannot be a header".to_owned(), answered: false };
        request = request.header(AUTHORIZATION, token.basic().map_err(unfit)?);
    }
    let response = request.send().map_err(silent)?;
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    Ok(location.and_then(|location| redirected(response.status(), at, GREETING, location)))
}

/// Shakes hands at this address; says of a failure whether it is a redirect.
fn connect_at(remote: &Remote, at: &str) -> Result<Connected, (Fault, bool)> {
    let fault = |error: gix::Error| (Fault::remote(&error, false), is_redirect(&error));
    let url = gix::url::parse(at).map_err(fault)?;
    let mut options = Options { version: Protocol::V2, ssh: ssh::connect::Options::default(), trace: false };
    if remote.transport() == Transport::Ssh {
        options.ssh.command = Some(ssh_command(remote).map_err(|error| (error.into(), false))?.into());
        options.ssh.kind = Some(ssh::ProgramKind::Ssh);
    }
    let mut transport = dial(url, options).map_err(fault)?;
    if remote.transport() == Transport::Http {
        let options = http_options(remote).map_err(|fault| (fault, false))?;
        transport.configure(&options).map_err(|error| {
            let text = format!("the HTTP client cannot be configured: {error}");
            (Fault::Remote { text, answered: false }, false)
        })?;
    }
    let nobody = |_| Ok(None);
    let result = handshake(&mut transport, Service::UploadPack, nobody, Vec::new(), &mut Discard);
    let handshake = result.map_err(|error| match remote.transport() {
        // All that gitoxide leaves of ssh's own line.
        Transport::Ssh if error.is_unauthenticated() => (Fault::SshKey, false),
        Transport::Ssh | Transport::Http | Transport::Other => fault(error),
    })?;
    Ok(Connected { transport, handshake })
}

fn http_options(remote: &Remote) -> Result<http::Options, Fault> {
    let configure = configuration(remote)?;
    let mut options = http::Options {
        backend: Some(Arc::new(Mutex::new(http::reqwest::Options {
            configure_client: Some(Box::new(move |builder| Ok(configure(builder)))),
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

/// How each client for this remote is made.
fn configuration(
    remote: &Remote,
) -> Result<impl Fn(ClientBuilder) -> ClientBuilder + Send + Sync + 'static, Fault> {
    let anchors = tls::trust_anchors(remote.ca_file.as_deref())?;
    let quiet = remote.timeout;
    let direct = remote.is_loopback();
    Ok(move |builder: ClientBuilder| {
        let builder = if direct { builder.no_proxy() } else { builder };
        builder.connect_timeout(CONNECT_TIMEOUT).timeout(quiet).tls_certs_merge(anchors.iter().cloned())
    })
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
