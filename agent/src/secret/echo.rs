//! Takes a secret out of what a peer said.

/// What stands where it stood.
const HIDDEN: &str = "[token]";

/// A beginning of so many bytes is hidden like the whole: what a peer says is cut somewhere, and it may be within the secret.
const BEGINNING: usize = 8;

/// Replaces the secret, and every longer beginning of it. An empty one is in no text.
pub(super) fn hide(text: &str, secret: &str) -> String {
    let least = secret.char_indices().map(|(at, c)| at + c.len_utf8()).find(|end| *end >= BEGINNING);
    let beginning = &secret[..least.unwrap_or(secret.len())];
    if beginning.is_empty() {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(beginning) {
        shown.push_str(&rest[..at]);
        shown.push_str(HIDDEN);
        let found = &rest[at..];
        let same = found.chars().zip(secret.chars()).take_while(|(a, b)| a == b);
        rest = &found[same.map(|(c, _)| c.len_utf8()).sum()..];
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "ghs_0123456789";

    #[test]
    fn the_whole_is_hidden_wherever_it_stands() {
        assert_eq!(hide("a ghs_0123456789, ghs_0123456789", SECRET), "a [token], [token]");
        assert_eq!(hide("xé", "é"), "x[token]");
        assert_eq!(hide("as it was", SECRET), "as it was");
        assert_eq!(hide("as it was", ""), "as it was");
    }

    #[test]
    fn a_part_that_was_cut_off_is_hidden_too() {
        assert_eq!(hide("/login?token=ghs_012345…", SECRET), "/login?token=[token]…");
        assert_eq!(hide("ghs_0123 ghs_012", SECRET), "[token] ghs_012");
    }
}
