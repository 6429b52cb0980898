//! The text of a signed commit, taken apart: git signs all of it but the headers that hold signatures.

/// Headers that hold a signature: of a repository with SHA-1, and with SHA-256.
const HEADERS: [&[u8]; 2] = [b"gpgsig ", b"gpgsig-sha256 "];

/// A commit's two parts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Signed {
    /// What is signed.
    pub(super) payload: Vec<u8>,
    /// The signatures for this repository's kind of ids, armored.
    pub(super) signatures: Vec<Vec<u8>>,
}

/// Takes the text of a commit apart. A header goes on in the lines after it that begin with a space.
pub(super) fn split(commit: &[u8]) -> Signed {
    let mut signed = Signed::default();
    let mut lines = commit.split_inclusive(|byte| *byte == b'\n');
    let mut within: Option<usize> = None;
    for line in lines.by_ref() {
        if line == b"\n" {
            signed.payload.extend(line);
            break;
        }
        let more = line.strip_prefix(b" ").filter(|_| within.is_some());
        let begun = HEADERS.iter().position(|header| line.starts_with(header));
        within = begun.or(within.filter(|_| more.is_some()));
        match (within, more) {
            // Only the signature over SHA-1 ids can be checked here.
            (Some(0), Some(more)) => {
                if let Some(signature) = signed.signatures.last_mut() {
                    signature.extend(more);
                }
            }
            (Some(0), None) => signed.signatures.push(line[HEADERS[0].len()..].to_vec()),
            (Some(_), _) => {}
            (None, _) => signed.payload.extend(line),
        }
    }
    signed.payload.extend(lines.flatten());
    signed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_goes_and_everything_else_stays() {
        let commit = b"tree a\nparent b\nauthor c\ncommitter d\ngpgsig BEGIN\n one\n two\n END\nmergetag object\n x\n\nsubject\n\ngpgsig no header\n";
        let signed = split(commit);
        assert_eq!(
            signed.payload,
            b"tree a\nparent b\nauthor c\ncommitter d\nmergetag object\n x\n\nsubject\n\ngpgsig no header\n"
        );
        assert_eq!(signed.signatures, [b"BEGIN\none\ntwo\nEND\n".to_vec()]);
    }

    #[test]
    fn a_signature_over_other_ids_is_neither_signed_nor_looked_at() {
        let signed = split(b"tree a\ngpgsig-sha256 BEGIN\n one\ngpgsig SHA1\n END\n\nsubject\n");
        assert_eq!(signed.payload, b"tree a\n\nsubject\n");
        assert_eq!(signed.signatures, [b"SHA1\nEND\n".to_vec()]);
    }

    #[test]
    fn two_are_told_apart_and_none_is_none() {
        assert_eq!(split(b"tree a\ngpgsig A\ngpgsig B\n\n").signatures, [b"A\n".to_vec(), b"B\n".to_vec()]);
        for commit in [&b"tree a\n\ngpgsig A\n"[..], b"tree a", b""] {
            assert_eq!(split(commit), Signed { payload: commit.to_vec(), signatures: Vec::new() });
        }
    }
}
