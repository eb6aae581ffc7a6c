//! Reading a tree key by key. What was never asked for is unknown, so the known keys cannot
//! drift from the code that reads them; a wrong value is noted and reading goes on.

use std::cell::{Cell, RefCell};

use tokenbridge_bridge::Secret;

use super::place::{At, Read};
use super::suggestion;
use super::tree::{self, Entry, Node, Value};

/// A value and where it stands.
#[derive(Clone)]
pub(crate) struct Item<'r> {
    pub(crate) at: At<'r>,
    node: &'r Node,
}

impl<'r> Item<'r> {
    pub(crate) fn new(at: At<'r>, node: &'r Node) -> Self {
        Self { at, node }
    }

    /// The mapping that stands here.
    pub(crate) fn section(self) -> Option<Section<'r>> {
        match &self.node.value {
            Value::Mapping(entries) => Some(Section::new(self.at, entries)),
            Value::Null | Value::Scalar(_) | Value::List(_) => {
                self.wrong_kind("keys with values below it")
            }
        }
    }

    /// The values of the list that stands here; none when it is no list.
    pub(crate) fn list(self) -> Vec<Item<'r>> {
        match &self.node.value {
            Value::List(_) => self.one_or_list(),
            Value::Null | Value::Scalar(_) | Value::Mapping(_) => {
                self.wrong_kind::<()>("a list");
                Vec::new()
            }
        }
    }

    /// The values of a list, or the one value that stands in its place.
    pub(crate) fn one_or_list(self) -> Vec<Item<'r>> {
        match &self.node.value {
            Value::List(items) => {
                let numbered = items.iter().enumerate();
                numbered
                    .map(|(index, node)| Item {
                        at: self.at.element(index, node.line),
                        node,
                    })
                    .collect()
            }
            Value::Null | Value::Scalar(_) | Value::Mapping(_) => vec![self],
        }
    }

    /// Whether a list without anything in it stands here.
    pub(crate) fn is_empty_list(&self) -> bool {
        matches!(&self.node.value, Value::List(items) if items.is_empty())
    }

    /// Whether a mapping stands here.
    pub(crate) fn is_mapping(&self) -> bool {
        matches!(self.node.value, Value::Mapping(_))
    }

    /// The value as `reader` understands it; what is wrong with it is noted.
    pub(crate) fn value<T>(&self, reader: impl FnOnce(&str) -> Read<T>) -> Option<T> {
        let (written, resolved) = self.resolve()?;
        // The value as written, not as resolved: what comes from elsewhere may be a secret.
        self.judge(reader(&resolved), &shown(written))
    }

    /// A secret as `reader` understands it; no problem ever shows it.
    pub(crate) fn secret<T>(&self, reader: impl FnOnce(Secret) -> Read<T>) -> Option<T> {
        let (_, resolved) = self.resolve()?;
        self.judge(reader(Secret::new(resolved)), "the value")
    }

    /// Whether the value is to come from a file that is not there.
    pub(crate) fn file_is_missing(&self) -> bool {
        let resolved = self.at.reading.sources.resolve(self.written());
        resolved.is_err_and(|unresolved| unresolved.file_is_missing)
    }

    /// The value as it is written, for a sentence about it.
    pub(crate) fn written(&self) -> &'r str {
        match &self.node.value {
            Value::Scalar(written) => written,
            Value::Null | Value::List(_) | Value::Mapping(_) => "",
        }
    }

    fn judge<T>(&self, read: Read<T>, shown: &str) -> Option<T> {
        read.map_err(|complaint| self.at.complain(shown, complaint))
            .ok()
    }

    fn resolve(&self) -> Option<(&'r str, String)> {
        let Value::Scalar(written) = &self.node.value else {
            return self.wrong_kind("a single value");
        };
        match self.at.reading.sources.resolve(written) {
            Ok(resolved) => Some((written, resolved)),
            Err(unresolved) => {
                self.at.error(unresolved.problem, unresolved.fix);
                None
            }
        }
    }

    fn wrong_kind<T>(&self, wanted: &str) -> Option<T> {
        let problem = match &self.node.value {
            Value::Null => "has no value",
            Value::Scalar(_) => "is a single value",
            Value::List(_) => "is a list",
            Value::Mapping(_) => "has keys below it",
        };
        let fix = match &self.node.value {
            Value::Null => format!("write {wanted}, or leave the key out"),
            Value::Scalar(_) | Value::List(_) | Value::Mapping(_) => format!("write {wanted}"),
        };
        self.at.error(problem, fix);
        None
    }
}

/// A value as a problem shows it: without the credentials of a URL.
fn shown(written: &str) -> String {
    if written.is_empty() {
        return "the value".into();
    }
    let credentials = written.split_once("://").and_then(|(scheme, rest)| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (_, host) = authority.rsplit_once('@')?;
        Some((
            scheme,
            host,
            rest.get(authority.len()..).unwrap_or_default(),
        ))
    });
    match credentials {
        Some((scheme, host, rest)) => format!("`{scheme}://[secret]@{host}{rest}`"),
        None => format!("`{written}`"),
    }
}

/// A mapping under reading. When it goes out of scope, keys that nobody asked for are noted.
pub(crate) struct Section<'r> {
    pub(crate) at: At<'r>,
    entries: &'r [Entry],
    asked: RefCell<Vec<&'static str>>,
    free: Cell<bool>,
}

impl<'r> Section<'r> {
    pub(crate) fn new(at: At<'r>, entries: &'r [Entry]) -> Self {
        Self {
            at,
            entries,
            asked: RefCell::default(),
            free: Cell::new(false),
        }
    }

    /// What stands under `key`.
    pub(crate) fn get(&self, key: &'static str) -> Option<Item<'r>> {
        self.asked.borrow_mut().push(key);
        let shape = tree::join(&self.at.shape, key);
        self.at.reading.found.borrow_mut().known.insert(shape);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(Item {
            at: self.at.below(key, key, entry.line),
            node: &entry.node,
        })
    }

    /// What stands under `key`, which must be there.
    pub(crate) fn require(&self, key: &'static str, fix: &str) -> Option<Item<'r>> {
        let item = self.get(key);
        if item.is_none() {
            let at = At {
                key: tree::join(&self.at.key, key),
                ..self.at.clone()
            };
            at.error("is missing", fix);
        }
        item
    }

    /// The section under `key`.
    pub(crate) fn section(&self, key: &'static str) -> Option<Section<'r>> {
        self.get(key).and_then(Item::section)
    }

    /// The list under `key`; empty when there is none.
    pub(crate) fn list(&self, key: &'static str) -> Vec<Item<'r>> {
        self.get(key).map(Item::list).unwrap_or_default()
    }

    /// The value under `key`; `None` when it is absent or wrong.
    pub(crate) fn value<T>(
        &self,
        key: &'static str,
        reader: impl FnOnce(&str) -> Read<T>,
    ) -> Option<T> {
        self.get(key).and_then(|item| item.value(reader))
    }

    /// The value under `key`, or `default` when it is absent or wrong: what is wrong is noted, so
    /// the default never runs in its place.
    pub(crate) fn value_or<T>(
        &self,
        key: &'static str,
        reader: impl FnOnce(&str) -> Read<T>,
        default: T,
    ) -> T {
        self.value(key, reader).unwrap_or(default)
    }

    /// All entries of a mapping whose keys are free, such as names of services.
    pub(crate) fn free_entries(&self, placeholder: &str) -> Vec<(&'r str, Item<'r>)> {
        self.free.set(true);
        let shape = format!("<{placeholder}>");
        self.at
            .reading
            .found
            .borrow_mut()
            .known
            .insert(tree::join(&self.at.shape, &shape));
        let entry = |entry: &'r Entry| {
            let at = self.at.below(&entry.key, &shape, entry.line);
            (
                entry.key.as_str(),
                Item {
                    at,
                    node: &entry.node,
                },
            )
        };
        self.entries.iter().map(entry).collect()
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        if self.free.get() {
            return;
        }
        let asked = self.asked.borrow();
        for entry in self
            .entries
            .iter()
            .filter(|entry| !asked.contains(&entry.key.as_str()))
        {
            let at = self.at.below(&entry.key, &entry.key, entry.line);
            at.error(
                "is no known key",
                suggestion::sentence(&entry.key, asked.iter().copied()),
            );
        }
    }
}
