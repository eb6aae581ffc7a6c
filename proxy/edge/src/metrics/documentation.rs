//! Holds docs/operations.md against the code: every family with its type and labels, and every code
//! of a refusal with its status on some page.

use std::collections::BTreeSet;

use tokenbridge_bridge::rejection::Rejection;

use super::{Families, Metrics};

const PAGE: &str = include_str!("../../../../docs/operations.md");
const PAGES: [&str; 4] = [
    PAGE,
    include_str!("../../../../docs/authentication.md"),
    include_str!("../../../../docs/forward-auth.md"),
    include_str!("../../../../docs/spa.md"),
];

/// What stands between backticks.
fn words(cell: &str) -> Vec<String> {
    let words = cell.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

/// Name, type and labels of the families whose rows the page has.
fn documented() -> BTreeSet<(String, String, Vec<String>)> {
    let table = PAGE.split("| family | type | labels | meaning |").nth(1);
    let rows = table.unwrap().lines().skip(2);
    let rows = rows.take_while(|line| line.starts_with("| "));
    rows.map(|row| {
        let cells: Vec<&str> = row.splitn(5, " | ").collect();
        let name = words(cells[0]).concat();
        (name, cells[1].to_owned(), words(cells[2]))
    })
    .collect()
}

#[test]
fn the_page_has_every_family_with_its_type_and_labels() {
    let mut families = Families::default();
    Metrics::register(&mut families).unwrap();
    let registered: BTreeSet<_> = families
        .known
        .iter()
        .map(|(name, kind, labels)| (name.clone(), (*kind).to_owned(), labels.clone()))
        .collect();
    assert_eq!(registered, documented());
}

#[test]
fn every_code_of_a_refusal_stands_on_a_page_with_its_status() {
    for rejection in Rejection::ALL {
        let (code, status) = (rejection.code(), rejection.status().to_string());
        let stands = PAGES.iter().any(|page| {
            let mut rows = page.lines().filter(|line| line.starts_with("| `"));
            rows.any(|row| {
                let mut cells = row.split(" | ");
                let first = cells.next().unwrap_or_default();
                // A log line says more than its code.
                let mut codes = words(first).into_iter();
                codes.any(|word| word.split(' ').next() == Some(code))
                    && cells.next().is_some_and(|cell| cell.contains(&status))
            })
        });
        assert!(stands, "{code} {status}");
    }
}

/// Everything below `src` of the crates that a gateway is built from.
fn sources() -> String {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
    let mut sources = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("devkit") && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    sources
}

#[test]
fn every_message_of_the_log_that_is_named_is_said_somewhere() {
    let table = PAGE.split("| message begins with | what to do |").nth(1);
    let rows = table.unwrap().lines().skip(2);
    let rows = rows.take_while(|line| line.starts_with("| "));
    let named: Vec<String> = rows
        .flat_map(|row| words(row.rsplit_once(" | ").unwrap().0))
        .collect();
    let sources = sources();
    assert!(named.len() > 15, "{named:?}");
    for message in named {
        assert!(sources.contains(&format!("\"{message}")), "{message}");
    }
}
