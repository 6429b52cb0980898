//! How an error of gitoxide is told.

use crate::{error, text};

/// Joins an error of gitoxide and its causes to one harmless line.
pub(super) fn chain(error: &gix::Error) -> String {
    let causes = error::joined(error.iter_errors().map(|cause| -> &dyn std::error::Error { cause }));
    text::clean(&causes)
}
