//! Sizes in bytes as people write them: `2GiB`, `500MiB`, `1048576`.

/// What is allowed, for messages.
pub const ALLOWED: &str = r#"a whole number with KiB, MiB, GiB or TiB, like "2GiB", or plain bytes"#;

const UNITS: [(&str, u32); 5] = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("B", 0)];

/// Reads a size in bytes: a whole number and one of the units of IEC 80000-13, or no unit for bytes.
///
/// # Errors
/// The sentence that says what is wrong with the text and what is allowed.
pub fn parse(text: &str) -> Result<u64, String> {
    let (number, shift) = UNITS
        .iter()
        .find_map(|(unit, shift)| text.strip_suffix(unit).map(|number| (number, *shift)))
        .unwrap_or((text, 0));
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("{text:?} is not a size; allowed: {ALLOWED}"));
    }
    let bytes = number.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << shift));
    bytes.ok_or_else(|| format!("{text:?} is too large; allowed: less than 16777216TiB"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, bytes: Option<u64>) {
        assert_eq!(parse(text).ok(), bytes, "{text:?}");
    }

    #[test]
    fn reads_what_is_documented() {
        check("0", Some(0));
        check("1048576", Some(1 << 20));
        check("17B", Some(17));
        check("1KiB", Some(1024));
        check("500MiB", Some(500 << 20));
        check("2GiB", Some(2 << 30));
        check("3TiB", Some(3 << 40));
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["", "GiB", "2GB", "2G", "2 GiB", "-1", "1.5GiB", "+1", "2gib", "16777216TiB", "B", "1BB"]
        {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn plain_bytes_are_themselves(bytes: u64) {
            prop_assert_eq!(parse(&bytes.to_string()), Ok(bytes));
        }

        #[test]
        fn units_multiply(number in 0_u64..1 << 24, unit in 0_usize..4) {
            let (name, shift) = UNITS[unit];
            prop_assert_eq!(parse(&format!("{number}{name}")), Ok(number << shift));
        }

        #[test]
        fn is_exact_or_refused(digits in "[0-9]{1,24}", unit in 0_usize..5) {
            let (name, shift) = UNITS[unit];
            let bytes = digits.parse::<u128>().ok().map(|number| number << shift);
            let fits = bytes.and_then(|bytes| u64::try_from(bytes).ok());
            prop_assert_eq!(parse(&format!("{digits}{name}")).ok(), fits);
        }

        #[test]
        fn what_does_not_begin_with_a_digit_is_refused(text in "[^0-9].{0,24}") {
            prop_assert!(parse(&text).is_err());
        }
    }
}
