//! Git servers for tests: real ones (a web server with `git http-backend`, `git daemon`, sshd), and one that misbehaves
//! in every way that a git client has to survive. Each serves one folder of repositories, listens on a free port of
//! 127.0.0.1, and ends with its value. The Debian packages that they need are listed in `setup.sh`.
//!
//! Everything here panics on failure, with the output of the program that failed: it is for tests alone.

mod certificate;
mod daemon;
mod hostile;
mod http;
mod inetd;
mod left_out;
mod process;
mod relay;
mod repository;
mod sshd;

pub use certificate::Certificate;
pub use daemon::GitDaemon;
pub use hostile::{Hostile, Mode};
pub use http::HttpServer;
pub use left_out::{is_root, left_out};
pub use process::{free_listener, run};
pub use relay::Relay;
pub use repository::GitRepo;
pub use sshd::Sshd;
