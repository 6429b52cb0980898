//! A wire to a server that counts its connections, and whose open ones can be closed under the client.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::process::{free_listener, port};

/// Passes bytes on between clients and a server, on 127.0.0.1, one connection for one.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    /// The client's end of every connection so far.
    clients: Mutex<Vec<TcpStream>>,
    /// So many of them, the oldest, end at the next byte from the client.
    doomed: AtomicUsize,
}

impl Relay {
    /// Starts one in front of the server at this port.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn start(upstream: u16) -> Self {
        let listener = free_listener();
        let relay = Self { port: port(&listener), shared: Arc::default() };
        let shared = Arc::clone(&relay.shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.stop.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                // A connection that ends in the midst is what this is for.
                std::thread::spawn(move || drop(shared.pass_on(client, upstream)));
            }
        });
        relay
    }

    /// URL of the repository of this name, if the server is one for git over http.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/git/{name}", self.port)
    }

    /// How many connections there were.
    ///
    /// # Panics
    /// When a serving thread panicked.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.clients.lock().expect("no thread panics with it").len()
    }

    /// Closes the open connections now, as a server does that is restarted.
    ///
    /// # Panics
    /// When a serving thread panicked.
    pub fn close(&self) {
        for client in &*self.shared.clients.lock().expect("no thread panics with it") {
            // One that has ended is closed already.
            drop(client.shutdown(Shutdown::Both));
        }
    }

    /// Closes each open connection once its client says something more, as a server does whose patience ends at that very
    /// moment.
    pub fn close_at_next_byte(&self) {
        self.shared.doomed.store(self.connections(), Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.close();
        // One more connection wakes the accepting thread.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Shared {
    fn pass_on(&self, mut client: TcpStream, upstream: u16) -> std::io::Result<()> {
        let mut server = TcpStream::connect(("127.0.0.1", upstream))?;
        let number = {
            let mut clients = self.clients.lock().expect("no thread panics with it");
            clients.push(client.try_clone()?);
            clients.len()
        };
        let (mut answers, mut back) = (server.try_clone()?, client.try_clone()?);
        std::thread::spawn(move || {
            drop(std::io::copy(&mut answers, &mut back));
            drop(back.shutdown(Shutdown::Both));
        });
        let mut buffer = [0; 4096];
        loop {
            let count = client.read(&mut buffer)?;
            if count == 0 || number <= self.doomed.load(Ordering::SeqCst) {
                break;
            }
            server.write_all(&buffer[..count])?;
        }
        // Whichever end is gone already, the other one must go too.
        drop(client.shutdown(Shutdown::Both));
        server.shutdown(Shutdown::Both)
    }
}
