//! `[trust]`

use super::super::facts::Facts;
use super::super::raw::Section;
use super::super::{Trust, convert};

pub(super) fn trust(mut section: Section<'_>, facts: &Facts) -> Option<Trust> {
    let file = section.read("allowed_signers_file", None, convert::file(facts.sees_files));
    let every_commit = section.read("every_commit", false, convert::boolean);
    if every_commit && file.is_none() && !section.complained("allowed_signers_file") {
        section.problem(
            "every_commit",
            "true needs trust.allowed_signers_file: nobody may sign without it".to_owned(),
        );
    }
    section.finish();
    file.map(|allowed_signers_file| Trust { allowed_signers_file, every_commit })
}
