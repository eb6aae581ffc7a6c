//! SECURITY.md names a test beside each class of advisory: they exist.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::repository;

/// Every test in the workspace, by its path: crate, modules, name.
fn tests_below(folder: &Path, path: &[String], found: &mut BTreeSet<Vec<String>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let mut inner = path.to_vec();
        if !matches!(name.as_str(), "src" | "tests" | "main" | "mod" | "lib") {
            inner.push(name);
        }
        if file.is_dir() {
            tests_below(&file, &inner, found);
        } else if file.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&file).unwrap();
            for function in test_functions(&text) {
                found.insert([inner.as_slice(), &[function]].concat());
            }
        }
    }
}

fn test_functions(text: &str) -> Vec<String> {
    let mut marked = false;
    let mut names = Vec::new();
    for line in text.lines().map(str::trim) {
        marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let function = line.strip_prefix("async ").unwrap_or(line);
        if let Some(rest) = function.strip_prefix("fn ").filter(|_| marked) {
            names.extend(rest.split('(').next().map(str::to_owned));
            marked = false;
        }
    }
    names
}

/// The last cell of each row of the tables, told by the heading of their last column.
fn cells(text: &str) -> Vec<&str> {
    let mut in_table = false;
    let mut cells = Vec::new();
    for line in text.lines() {
        let row = line
            .trim()
            .strip_prefix('|')
            .and_then(|row| row.strip_suffix('|'));
        let cell = row.map(|row| row.rsplit('|').next().unwrap_or_default().trim());
        match cell {
            None => in_table = false,
            Some("test") => in_table = true,
            Some(cell) if in_table && !cell.starts_with("---") => cells.push(cell),
            Some(_) => {}
        }
    }
    cells
}

#[test]
fn every_test_that_is_named_exists() {
    let mut tests = BTreeSet::new();
    tests_below(&repository("proxy"), &[], &mut tests);
    let text = std::fs::read_to_string(repository("SECURITY.md")).unwrap();
    let cells = cells(&text);
    assert!(cells.len() > 30, "both tables are read: {cells:?}");
    for cell in cells {
        let named: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "a row without a test: {cell}");
        let between: String = cell.split('`').step_by(2).collect();
        assert_eq!(
            between.replace(", ", ""),
            "",
            "words beside the tests: {cell}"
        );
        for name in named {
            let path: Vec<String> = name.split("::").map(str::to_owned).collect();
            assert!(path.len() > 1, "{name} has no module");
            assert!(
                tests.iter().any(|test| test.ends_with(&path)),
                "{name} is in SECURITY.md and nowhere else"
            );
        }
    }
}
