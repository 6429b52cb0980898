//! What the configuration means, what it refuses and in which words, and that its documentation says the same.

mod documented;
mod good;
mod refused;

use super::{ConfigErrors, Facts, Settings, parse};

/// The smallest configuration.
const SMALLEST: &str = "[source]\nurl = \"https://github.com/poby/infra\"\n";

/// Every key, each at its default.
const EXAMPLE: &str = include_str!("example.toml");

fn facts() -> Facts {
    Facts { hostname: Some("yggdrasil".to_owned()), systemd: true, sees_files: true }
}

#[track_caller]
fn accepted(text: &str) -> Settings {
    parse(text, &facts()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn refused(text: &str) -> ConfigErrors {
    parse(text, &facts()).expect_err(text)
}
