//! ARCHITECTURE.md says which crate may name which, and what holds each invariant.

use std::collections::BTreeMap;

use crate::support::repository;

/// What each crate of `proxy/` may be built from, of ours and of the framework. Tests may use more.
const MAY_NAME: [(&str, &[&str]); 7] = [
    ("bridge", &[]),
    ("config", &["tokenbridge-bridge"]),
    ("session-store", &["tokenbridge-bridge"]),
    (
        "identity",
        &[
            "tokenbridge-bridge",
            "tokenbridge-config",
            "tokenbridge-session-store",
        ],
    ),
    (
        "edge",
        &[
            "pingora",
            "pingora-core",
            "pingora-proxy",
            "tokenbridge-bridge",
            "tokenbridge-config",
            "tokenbridge-identity",
            "tokenbridge-session-store",
        ],
    ),
    ("devkit", &[]),
    (
        "fuzz",
        &[
            "tokenbridge-bridge",
            "tokenbridge-config",
            "tokenbridge-identity",
        ],
    ),
];

/// The names below `[dependencies]`, also of one target alone.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            is_inside = section == "dependencies" || section.ends_with(".dependencies");
        } else if is_inside && let Some(name) = line.split(['.', ' ', '=']).next() {
            names.push(name);
        }
    }
    names
}

#[test]
fn dependencies_point_one_way_and_of_all_crates_edge_alone_names_pingora() {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(repository("proxy")).unwrap() {
        let manifest = entry.unwrap().path().join("Cargo.toml");
        let folder = manifest.parent().unwrap().file_name().unwrap();
        let folder = folder.to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&manifest).unwrap();
        let names = dependencies(&text).into_iter();
        let mut names: Vec<String> = names
            .filter(|name| name.starts_with("pingora") || name.starts_with("tokenbridge"))
            .map(str::to_owned)
            .collect();
        names.sort();
        found.insert(folder, names);
    }
    let allowed = MAY_NAME.map(|(folder, names)| {
        let names = names.iter().map(|name| (*name).to_owned());
        (folder.to_owned(), names.collect())
    });
    assert_eq!(found, BTreeMap::from(allowed));
}

/// `a/{b,c}.rs` is `a/b.rs` and `a/c.rs`.
fn expanded(name: &str) -> Vec<String> {
    let Some((before, rest)) = name.split_once('{') else {
        return vec![name.to_owned()];
    };
    let (choices, after) = rest.split_once('}').unwrap();
    let choices = choices.split(',');
    choices
        .map(|choice| format!("{before}{choice}{after}"))
        .collect()
}

#[test]
fn every_invariant_names_tests_that_exist() {
    let text = std::fs::read_to_string(repository("ARCHITECTURE.md")).unwrap();
    let table = text.split("## Invariants").nth(1).unwrap();
    let table = table.split("\n## ").next().unwrap();
    let rows: Vec<&str> = table
        .lines()
        .filter(|line| {
            line.starts_with("| ") && line.as_bytes().get(2).is_some_and(u8::is_ascii_digit)
        })
        .collect();
    assert_eq!(rows.len(), 8);
    for row in rows {
        let held_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let names = held_by.split('`').skip(1).step_by(2);
        let tests: Vec<String> = names
            .filter(|name| name.contains("tests"))
            .flat_map(expanded)
            .collect();
        assert!(!tests.is_empty(), "a row without a test: {row}");
        for test in tests {
            let places = [repository("proxy").join(&test), repository(&test)];
            assert!(places.iter().any(|place| place.exists()), "{test}");
        }
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let page = std::fs::read_to_string(repository("ARCHITECTURE.md")).unwrap();
    let reasons = page.split("## Dependencies").nth(1).unwrap();
    let reasons: Vec<&str> = reasons
        .split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))
        .collect();
    let manifest = std::fs::read_to_string(repository("Cargo.toml")).unwrap();
    // The form of `[workspace.dependencies]` is that of `[dependencies]`.
    let manifest = manifest.replace("[workspace.dependencies]", "[dependencies]");
    let names = dependencies(&manifest).into_iter();
    let names: Vec<&str> = names
        .filter(|name| {
            !name.is_empty() && !name.starts_with('#') && !name.starts_with("tokenbridge")
        })
        .collect();
    assert!(names.len() > 40, "{names:?}");
    for name in names {
        assert!(reasons.contains(&name), "{name}");
    }
}
