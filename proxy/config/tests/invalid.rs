//! Every problem that a configuration can have: one folder of `conf/invalid` each, with what is
//! said about it in `expected.txt` (written anew by `WRITE_EXPECTED=1 cargo test --test invalid`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::path::Path;

use tokenbridge_config::{Report, load};

fn nothing(_: &str) -> Option<String> {
    None
}

/// What loading says, and whether the configuration runs all the same.
fn verdict(folder: &Path) -> (Report, bool) {
    match load(folder, &nothing) {
        Ok(loaded) => (loaded.report, true),
        Err(report) => (report, false),
    }
}

#[test]
fn every_invalid_configuration_says_what_is_wrong_where_and_what_to_do() {
    let mut wrong = Vec::new();
    for folder in std::fs::read_dir("../../conf/invalid").unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let (report, runs) = verdict(&folder);
        let said = report.to_string().replace("../../conf", "conf");
        if std::env::var_os("WRITE_EXPECTED").is_some() {
            std::fs::write(folder.join("expected.txt"), &said).unwrap();
        }
        let expected = std::fs::read_to_string(folder.join("expected.txt")).unwrap_or_default();
        // The name says whether `run` starts and whether `check` fails.
        let (may_run, fails) = match name.split_once('-') {
            Some(("warning", _)) => (true, false),
            Some(("check", _)) => (true, true),
            _ => (false, true),
        };
        if said != expected || said.is_empty() || (runs, report.fails_check()) != (may_run, fails) {
            wrong.push(format!(
                "{name} (runs: {runs})\n--- said\n{said}--- expected\n{expected}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
