use super::*;

const ID: &str = "1111111111111111111111111111111111111111";
const MAIN: &str = "refs/heads/main";

/// Lines framed as pkt-lines, with the closing flush.
fn answer(lines: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        out.extend(format!("{:04x}", line.len() + 4).bytes());
        out.extend(*line);
    }
    out.extend(b"0000");
    out
}

#[test]
fn the_request_is_what_the_protocol_wants() {
    let expected = "0014command=ls-refs\n0017object-format=sha1\n0001001fref-prefix refs/heads/main\n0000";
    assert_eq!(String::from_utf8_lossy(&request(MAIN)), expected);
}

#[test]
fn only_the_full_name_counts() {
    let longer = format!("2222222222222222222222222222222222222222 {MAIN}tenance\n");
    let line = format!("{ID} {MAIN}\n");
    let mut odd = ID.as_bytes().to_vec();
    odd.extend(b" refs/heads/main\xff\xfe\n");
    let bytes = answer(&[longer.as_bytes(), &odd, line.as_bytes()]);
    assert_eq!(tip(&bytes, MAIN).map(|r| r.to_string()).ok().as_deref(), Some(ID));
    let without = answer(&[longer.as_bytes()]);
    assert!(matches!(tip(&without, MAIN), Err(PollError::MissingBranch { .. })));
}

#[test]
fn attributes_do_not_matter() {
    let line = format!("{ID} {MAIN} symref-target:refs/heads/x\n");
    assert!(tip(&answer(&[line.as_bytes()]), MAIN).is_ok());
}

#[test]
fn a_null_id_is_refused() {
    let line = format!("{} {MAIN}\n", "0".repeat(40));
    assert!(matches!(tip(&answer(&[line.as_bytes()]), MAIN), Err(PollError::NoCommit { .. })));
}

#[test]
fn a_cut_answer_is_no_answer() {
    let line = format!("{ID} {MAIN}\n");
    let whole = answer(&[line.as_bytes()]);
    for end in 0..whole.len() {
        assert!(tip(&whole[..end], MAIN).is_err(), "cut at {end}");
    }
}

#[test]
fn what_the_server_says_is_shown_harmlessly() {
    let bytes = answer(&[b"ERR no \x1b[31mentry\n"]);
    let error = tip(&bytes, MAIN).expect_err("the server refused").to_string();
    assert!(error.contains("no entry"), "{error}");
}

#[test]
fn a_server_without_version_2_is_named_so() {
    let bytes =
        answer(&[b"ERR upload-pack: protocol error, expected to get object ID, not 'command=ls-refs'"]);
    assert!(matches!(tip(&bytes, MAIN), Err(PollError::ProtocolVersion)));
}

#[test]
fn html_is_garbled() {
    assert!(matches!(tip(b"<html>hello</html>", MAIN), Err(PollError::Garbled { .. })));
}

proptest::proptest! {
    #[test]
    fn no_bytes_can_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        drop(tip(&bytes, MAIN));
    }
}

#[test]
fn a_ref_that_is_at_two_commits_is_refused() {
    let (one, same) = (format!("{ID} {MAIN}\n"), format!("{ID} {MAIN} peeled:x\n"));
    let two = format!("{} {MAIN}\n", "2".repeat(40));
    assert!(tip(&answer(&[one.as_bytes(), same.as_bytes()]), MAIN).is_ok());
    let error = tip(&answer(&[one.as_bytes(), two.as_bytes()]), MAIN).expect_err("two").to_string();
    assert!(error.contains(ID) && error.contains(&"2".repeat(40)), "{error}");
}

#[test]
fn the_beginning_of_a_long_answer_is_enough() {
    let (main, longer) = (format!("{ID} {MAIN}\n"), format!("{} {MAIN}-2\n", "2".repeat(40)));
    let whole = answer(&[main.as_bytes(), longer.as_bytes()]);
    let cut = &whole[..whole.len() - 10];
    assert!(matches!(tip(cut, MAIN), Err(PollError::Cut)));
    assert_eq!(tip_in_beginning(cut, MAIN).expect("readable").map(|it| it.to_string()).as_deref(), Some(ID));
    assert_eq!(tip_in_beginning(cut, "refs/heads/mai").expect("readable"), None);
}

#[test]
fn nothing_at_all_is_no_cut_answer() {
    assert!(matches!(tip(b"", MAIN), Err(PollError::Nothing)));
}
