//! A YAML file as a tree whose every node knows its line. Scalars stay text: what a value means
//! is decided by the key that it belongs to, so `client_id: 0123` keeps its zero.

mod builder;

use serde_yaml::granit_parser::{Options, Parser, ScanError};

use builder::Builder;

/// A value and the line that it begins on, from 1 on.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) line: u32,
    pub(crate) value: Value,
}

/// A value. It has no `Debug`: it may be a secret.
#[derive(Clone)]
pub(crate) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Anything that is neither list nor mapping, as text.
    Scalar(String),
    List(Vec<Node>),
    Mapping(Vec<Entry>),
}

impl Node {
    /// What stands under `key`, where this is a mapping that has it.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            Value::Null | Value::Scalar(_) | Value::List(_) => None,
        }
    }

    /// The texts of a list, or the one text that stands in its place.
    pub(crate) fn texts(&self) -> Vec<&str> {
        match &self.value {
            Value::Scalar(text) => vec![text],
            Value::List(items) => items.iter().flat_map(Self::texts).collect(),
            Value::Null | Value::Mapping(_) => Vec::new(),
        }
    }
}

/// A key and its value.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: u32,
    pub(crate) node: Node,
}

/// What is wrong with the file as YAML.
pub(crate) struct TreeProblem {
    pub(crate) line: u32,
    pub(crate) key: String,
    pub(crate) problem: String,
    pub(crate) fix: &'static str,
}

/// What was found in a file.
pub(crate) struct Tree {
    /// Absent when the file is empty or could not be parsed.
    pub(crate) root: Option<Node>,
    pub(crate) problems: Vec<TreeProblem>,
}

/// Parses one YAML document.
pub(crate) fn parse(text: &str) -> Tree {
    let mut options = Options::default();
    options.emit_comments = false;
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let step = match event {
            Ok((event, span)) => builder.take(event, line_number(span.start.line())),
            Err(error) => Err(unparsable(&error)),
        };
        if let Err(problem) = step {
            builder.problems.push(problem);
            builder.root = None;
            break;
        }
    }
    Tree {
        root: builder.root,
        problems: builder.problems,
    }
}

fn unparsable(error: &ScanError) -> TreeProblem {
    TreeProblem {
        line: line_number(error.marker().line()),
        key: String::new(),
        problem: format!("is no valid YAML: {}", error.info()),
        fix: "correct it there or in the lines before; indentation and quotes are the usual causes",
    }
}

fn line_number(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

/// The path of a key below another one.
pub(crate) fn join(path: &str, key: &str) -> String {
    match (path.is_empty(), key.is_empty()) {
        (true, _) => key.to_owned(),
        (false, true) => path.to_owned(),
        (false, false) => format!("{path}.{key}"),
    }
}

#[cfg(test)]
mod tests;
