//! How an error is told to people.

use std::error::Error;

/// Returns the error and its sources as one sentence, "outer: inner: innermost"; a source that only repeats the end of
/// what is there already is left out.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        if !sentence.ends_with(&text) {
            sentence.push_str(": ");
            sentence.push_str(&text);
        }
        source = inner.source();
    }
    sentence
}
