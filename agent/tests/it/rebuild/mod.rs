//! Steps against fake programs on PATH, with the real `pull-agent step`.

mod activate;
mod build;
mod cancel;
mod death;
mod rollback;
mod systemd;
mod world;
