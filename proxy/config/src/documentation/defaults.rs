//! Holds the tables' default column against the code: a key that is left out does what the key with
//! its default does.

use std::path::Path;

use serde_json::{Value, json};

use super::{PAGE, example};

/// The keys of the tables, each with what its third cell says.
fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAGE.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split(" | ").collect();
        let [key, _, default, _] = cells[..] else {
            return None;
        };
        Some((key.strip_prefix("| `")?.strip_suffix('`')?, default))
    })
}

/// What a cell has if it is a value and no words.
fn value(cell: &str) -> Option<&str> {
    let value = cell.strip_prefix('`')?.strip_suffix('`')?;
    (!value.contains('`')).then_some(value)
}

/// The two files with every key, as trees that can be changed.
struct Files {
    folder: tempfile::TempDir,
    trees: [(&'static str, Value); 2],
}

impl Files {
    fn read() -> Self {
        let folder = example();
        let trees = ["routes.yaml", "settings.yaml"].map(|name| {
            let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
            (name, serde_yaml::from_str(&text).unwrap())
        });
        let mut files = Self { folder, trees };
        // What goes with the choices that the example makes, and not with the defaults.
        files.change("upgrade_socket", None);
        for section in ["auth", "issuers.<name>"] {
            for key in ["client_key_file", "client_key_id"] {
                files.change(&format!("{section}.{key}"), None);
            }
            files.change(
                &format!("{section}.token_endpoint_auth_method"),
                Some("client_secret_post"),
            );
            files.change(&format!("{section}.client_secret"), Some("a-secret"));
        }
        files
    }

    /// Sets a key, or leaves it out; of several of a kind that of the first.
    fn change(&mut self, key: &str, value: Option<&str>) {
        let index = usize::from(!key.starts_with("services") && !key.starts_with("routes"));
        let key = key.replace("[]", ".[]");
        let (parents, last) = key.rsplit_once('.').unwrap_or(("", &key));
        let parents: Vec<&str> = parents.split('.').filter(|part| !part.is_empty()).collect();
        let section = sections(&mut self.trees[index].1, &parents).swap_remove(0);
        let section = section.as_object_mut().unwrap();
        match value {
            Some(value) => section.insert(last.to_owned(), json!(value)),
            None => section.remove(last),
        };
    }

    /// What the files load to, without the places of keys.
    fn load(&self) -> Result<String, String> {
        for (name, tree) in &self.trees {
            let text = serde_json::to_string_pretty(tree).unwrap();
            std::fs::write(self.folder.path().join(name), text).unwrap();
        }
        let loaded = crate::load(self.folder.path(), &|_| None);
        let mut loaded = loaded.map_err(|report| report.to_string())?;
        loaded.configuration.origin.places = Default::default();
        let text = format!("{:#?}", loaded.configuration);
        let folder = Path::to_str(self.folder.path()).unwrap();
        Ok(text.replace(folder, "DIR"))
    }
}

/// The mappings at a key without its last part.
fn sections<'v>(value: &'v mut Value, parents: &[&str]) -> Vec<&'v mut Value> {
    let Some((first, rest)) = parents.split_first() else {
        return Vec::from_iter(value.is_object().then_some(value));
    };
    let below: Vec<&mut Value> = match (value, *first) {
        (Value::Array(elements), "[]") => elements.iter_mut().collect(),
        (Value::Object(keys), name) => keys
            .iter_mut()
            .filter(|(key, _)| name.starts_with('<') || *key == name)
            .map(|(_, value)| value)
            .collect(),
        _ => Vec::new(),
    };
    below
        .into_iter()
        .flat_map(|value| sections(value, rest))
        .collect()
}

fn with(key: &str, value: Option<&str>) -> Result<String, String> {
    let mut files = Files::read();
    if key == "session.max_sessions" {
        files.change("session.store", Some("memory"));
    }
    if key == "session.redis_url" {
        // Its default is not encrypted.
        files.change("session.redis_ca_file", None);
    }
    files.change(key, value);
    files.load()
}

/// What a cell's value stands for where it is the name of another key: what the example has there.
fn resolved(cell: &str) -> String {
    let mut named = &Files::read().trees[1].1;
    for part in cell.split('.') {
        match named.get(part) {
            Some(value) => named = value,
            None => return cell.to_owned(),
        }
    }
    match named {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => named.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => cell.to_owned(),
    }
}

#[test]
fn a_key_that_is_left_out_does_what_the_table_says() {
    let mut checked = 0;
    for (key, cell) in rows() {
        let Some(default) = value(cell) else {
            continue;
        };
        // A route's own limit is kept apart from that of all routes.
        if key == "routes[].max_body" {
            continue;
        }
        checked += 1;
        let left_out = with(key, None).unwrap_or_else(|report| panic!("{key}: {report}"));
        let set = with(key, Some(&resolved(default)));
        let set = set.unwrap_or_else(|report| panic!("{key}: {report}"));
        for (left_out, set) in left_out.lines().zip(set.lines()) {
            assert_eq!(
                left_out, set,
                "{key} left out, and with its default {default}"
            );
        }
        assert_eq!(left_out.lines().count(), set.lines().count(), "{key}");
    }
    assert!(checked > 60, "{checked} rows have a default");
}

#[test]
fn a_key_that_is_required_cannot_be_left_out() {
    let mut checked = 0;
    for (key, cell) in rows() {
        if cell != "required" {
            continue;
        }
        checked += 1;
        let report = with(key, None).unwrap_err();
        let name = key.rsplit('.').next().unwrap();
        assert!(report.contains(name), "{key}: {report}");
    }
    assert!(checked > 8, "{checked} rows are required");
}
