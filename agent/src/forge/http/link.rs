//! Addresses that a forge names: the `Link` field (RFC 8288).

/// Returns the target of `rel="next"`. Targets may hold commas and semicolons, so they are skipped first.
pub(super) fn next(field: &str) -> Option<String> {
    let mut rest = field;
    while let Some((_, from)) = rest.split_once('<') {
        let (target, after) = from.split_once('>')?;
        let (parameters, more) = match after.find('<') {
            Some(at) => after.split_at(at),
            None => (after, ""),
        };
        if parameters.split([';', ',']).any(is_next) {
            return Some(target.to_owned());
        }
        rest = more;
    }
    None
}

/// `rel` may hold several relations, with and without quotes.
fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
    name.trim().eq_ignore_ascii_case("rel") && relations.any(|r| r.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(field: &str, expected: Option<&str>) {
        assert_eq!(next(field).as_deref(), expected, "{field}");
    }

    #[test]
    fn next_is_found_wherever_it_stands() {
        check(
            r#"<https://a/x?page=2>; rel="next", <https://a/x?page=3>; rel="last""#,
            Some("https://a/x?page=2"),
        );
        check(r#"<https://a/1>; rel="prev",<https://a/3>;rel=next"#, Some("https://a/3"));
        check(r#"<https://a/a,b;c>; title="x"; rel="last next""#, Some("https://a/a,b;c"));
    }

    #[test]
    fn no_next_is_none() {
        check(r#"<https://a/1>; rel="first", <https://a/2>; rel="prev""#, None);
        check(r#"<https://a/1>; rel="nextish"; title=next"#, None);
        check("<https://a/1", None);
        check("", None);
    }
}
