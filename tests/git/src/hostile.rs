//! A server between a client and a real git server that misbehaves on demand.

mod exchange;
mod mode;

use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use exchange::{Request, read_request};
pub use mode::Mode;

use crate::process::{free_listener, port};

/// A proxy in front of a git server over http, on 127.0.0.1. One request for each connection.
#[derive(Debug)]
pub struct Hostile {
    port: u16,
    mode: Arc<Mutex<Mode>>,
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Hostile {
    /// Starts one in front of the server at this port; it behaves until told otherwise.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn start(upstream: u16) -> Self {
        let listener = free_listener();
        let hostile = Self {
            port: port(&listener),
            mode: Arc::new(Mutex::new(Mode::Behave)),
            stop: Arc::new(AtomicBool::new(false)),
            seen: Arc::new(Mutex::new(Vec::new())),
        };
        let (mode, stop, seen) =
            (Arc::clone(&hostile.mode), Arc::clone(&hostile.stop), Arc::clone(&hostile.seen));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (mode, stop, seen) = (Arc::clone(&mode), Arc::clone(&stop), Arc::clone(&seen));
                std::thread::spawn(move || {
                    // A client that goes away is what many of the tests are about.
                    drop(serve(client, upstream, &mode, &stop, &seen));
                });
            }
        });
        hostile
    }

    /// Changes how the next requests are answered.
    ///
    /// # Panics
    /// When a serving thread panicked.
    pub fn set(&self, mode: Mode) {
        *self.mode.lock().expect("no thread panics with it") = mode;
    }

    /// URL of the repository of this name.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/git/{name}", self.port)
    }

    /// First line and header of each request so far.
    ///
    /// # Panics
    /// When a serving thread panicked.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no thread panics with it").clone()
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // One more connection wakes the accepting thread.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn serve(
    client: TcpStream,
    upstream: u16,
    mode: &Mutex<Mode>,
    stop: &AtomicBool,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let Some(mut request) = read_request(&mut reader)? else { return Ok(()) };
    seen.lock().expect("no thread panics with it").push(request.head.clone());
    let mode = mode.lock().expect("no thread panics with it").clone();
    if let Mode::Filter(filter) = mode {
        request.slip_in_filter(filter);
    }
    if let Mode::DropsVersion = mode {
        let kept = |line: &&str| !line.to_ascii_lowercase().starts_with("git-protocol:");
        request.head = request.head.split_inclusive('\n').filter(kept).collect();
    }
    mode.answer(client, &request, stop, || pass_on(upstream, &request))
}

/// Asks the real server and returns its whole answer, head included.
fn pass_on(upstream: u16, request: &Request) -> std::io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(("127.0.0.1", upstream))?;
    server.write_all(&request.to_bytes())?;
    let mut answer = Vec::new();
    std::io::Read::read_to_end(&mut server, &mut answer)?;
    Ok(answer)
}
