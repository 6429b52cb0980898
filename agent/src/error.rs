//! How an error and its causes are told to people. An error's own text never repeats its source: here they are put together.

use std::error::Error;

/// Returns the error and its sources as one sentence, "outer: inner: innermost".
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    joined(std::iter::successors(Some(error), |&error| error.source()))
}

/// Returns errors, the outermost first, as one sentence. One that only repeats what is there already is left out, and so is
/// one without words.
pub(crate) fn joined<'e>(errors: impl IntoIterator<Item = &'e (dyn Error + 'e)>) -> String {
    let mut sentence = String::new();
    for text in errors.into_iter().map(ToString::to_string) {
        if sentence.contains(&text) {
            continue;
        }
        if !sentence.is_empty() {
            sentence.push_str(": ");
        }
        sentence.push_str(&text);
    }
    sentence
}

/// Returns the cause of all causes. Of the layers of an HTTP client it alone says why.
pub(crate) fn innermost<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error with a text and a cause.
    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Self>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let (text, rest) = texts.split_first().expect("a text");
        Layer { text, source: (!rest.is_empty()).then(|| Box::new(layers(rest))) }
    }

    #[test]
    fn causes_follow_and_nothing_is_said_twice() {
        for (texts, sentence) in [
            (&["cannot save /a", "no space"][..], "cannot save /a: no space"),
            (&["cannot save: no space", "no space", "disk 3"], "cannot save: no space: disk 3"),
            (&["a failed", "", "b"], "a failed: b"),
            (&["alone"], "alone"),
        ] {
            assert_eq!(chain(&layers(texts)), sentence);
        }
        assert_eq!(innermost(&layers(&["a", "b", "c"])).to_string(), "c");
    }
}
