//! The lab proves itself: hosts boot and can be hurt, and what stands in for parts of NixOS does as the real parts do.

mod agent;
mod daemon;
mod lab;
mod rebuild;
mod support;
mod switch;

#[test]
fn no_test_file_is_forgotten() {
    let listed = include_str!("main.rs");
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    for file in std::fs::read_dir(directory).expect("the directory of this file") {
        let name = file.expect("a directory entry").file_name();
        let name = name.to_str().expect("a name in UTF-8").trim_end_matches(".rs").to_owned();
        assert!(
            name == "main" || listed.contains(&format!("mod {name};")),
            "{name}.rs is not listed in main.rs"
        );
    }
}
