//! One exchange of the fetch protocol: this commit wanted, those there, so deep. gitoxide negotiates by refs; here the
//! caller knows exactly what it wants and has, so what a server sends does not depend on its refs or on ours.

use std::io::{BufRead, Read};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use gix::ObjectId;
use gix::odb::pack::{Bundle, bundle::write, data::input::Mode};
use gix::progress::Discard;
use gix::protocol::fetch::{Arguments, Context, Negotiate, Options, Response, Shallow, Tags, negotiate};
use gix::protocol::transport::Protocol;

use super::Fault;
use super::transport::{Connected, agent, connect};
use crate::git::clone::{Clone, CloneError};
use crate::git::remote::Remote;

/// Largest single object, well below the memory that the child has.
const MAX_OBJECT: usize = 256 * 1024 * 1024;

/// What is asked for.
pub(super) struct Exchange<'a> {
    /// The commit.
    pub(super) want: ObjectId,
    /// Commits that the clone has, with all that they need.
    pub(super) have: &'a [ObjectId],
    /// So many commits of its history, itself included; none: as far as the clone's own goes.
    pub(super) depth: Option<NonZeroU32>,
    /// What is wanted of each commit.
    pub(super) objects: Objects,
    /// Most bytes of the pack.
    pub(super) limit: u64,
    /// File with the ends of the clone's history; the server's answer is put in.
    pub(super) shallow_file: &'a Path,
}

/// What is wanted of each commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Objects {
    /// It and all its files.
    All,
    /// It alone, where the server can leave the rest out (gitprotocol-v2(5), "filter"); else all.
    Commits,
}

impl Exchange<'_> {
    /// Fetches into the clone. Sets no ref.
    pub(super) fn run(&self, remote: &Remote, clone: &Clone) -> Result<(), Fault> {
        let repo = clone.open()?;
        let Connected { mut transport, mut handshake } = connect(remote)?;
        let any_commit = handshake.server_protocol_version == Protocol::V2;
        let shallow = self.depth.map_or(Shallow::NoChange, Shallow::DepthAtRemote);
        let mut keep = None;
        let mut too_much = false;
        let received = gix::protocol::fetch(
            &mut Exact { want: self.want, have: self.have, objects: self.objects },
            |pack, progress, stop| {
                let mut pack = Limited { inner: pack, left: self.limit, over: &mut too_much };
                let lookup = Some(Box::new(repo.objects.clone()));
                let dir = clone.pack_dir();
                let written = Bundle::write_to_directory(
                    &mut pack,
                    Some(&dir),
                    progress,
                    stop,
                    lookup,
                    repo.object_hash(),
                    write_options(),
                )?;
                keep = written.keep_path;
                Ok(true)
            },
            Discard,
            &AtomicBool::new(false),
            Context {
                handshake: &mut handshake,
                transport: &mut transport,
                user_agent: agent(),
                trace_packetlines: false,
            },
            Options {
                shallow_file: self.shallow_file.to_owned(),
                shallow: &shallow,
                tags: Tags::None,
                reject_shallow_remote: false,
            },
        );
        match received {
            Err(_) if too_much => Err(Fault::TooMuch { limit: self.limit }),
            Err(error) => Err(Fault::exchange(&error, any_commit)),
            Ok(_) => remove_keep(keep),
        }
    }
}

/// Protects a pack from a garbage collector until refs point to it; there is none here.
fn remove_keep(keep: Option<PathBuf>) -> Result<(), Fault> {
    let Some(path) = keep else { return Ok(()) };
    fs_err::remove_file(&path).map_err(|source| CloneError::io("removing", &path)(source).into())
}

fn write_options() -> write::Options {
    write::Options {
        thread_limit: Some(2),
        iteration_mode: Mode::Verify,
        alloc_limit_bytes: Some(MAX_OBJECT),
        ..write::Options::default()
    }
}

/// Negotiates nothing: says what is wanted and there, and that this is all.
struct Exact<'a> {
    want: ObjectId,
    have: &'a [ObjectId],
    objects: Objects,
}

impl Negotiate for Exact<'_> {
    fn mark_complete_and_common_ref(&mut self) -> gix::Result<negotiate::Action> {
        Ok(negotiate::Action::MustNegotiate { remote_ref_target_known: Vec::new() })
    }

    fn add_wants(&mut self, arguments: &mut Arguments, _: &[bool]) -> bool {
        if self.objects == Objects::Commits && arguments.can_use_filter() {
            arguments.filter("tree:0");
        }
        arguments.want(self.want);
        true
    }

    fn one_round(
        &mut self,
        _: &mut negotiate::one_round::State,
        arguments: &mut Arguments,
        _: Option<&Response>,
    ) -> gix::Result<(negotiate::Round, bool)> {
        for id in self.have {
            arguments.have(id);
        }
        let round = negotiate::Round {
            haves_sent: self.have.len(),
            in_vain: 0,
            haves_to_send: self.have.len(),
            previous_response_had_at_least_one_in_common: false,
        };
        Ok((round, true))
    }
}

/// A pack that may not be longer than allowed.
struct Limited<'a> {
    inner: &'a mut dyn BufRead,
    left: u64,
    over: &'a mut bool,
}

impl Read for Limited<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Limited<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        let bytes = self.inner.fill_buf()?;
        if self.left == 0 && !bytes.is_empty() {
            *self.over = true;
            return Err(std::io::Error::other("the pack is longer than allowed"));
        }
        let end = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        Ok(&bytes[..end])
    }

    fn consume(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count as u64);
        self.inner.consume(count);
    }
}
