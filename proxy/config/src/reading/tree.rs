//! A YAML file as a tree whose every node knows its line. Scalars stay text: what a value means
//! is decided by the key that it belongs to, so `client_id: 0123` keeps its zero.

use std::collections::HashMap;

use serde_yaml::granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Tag};

/// More nodes than this, aliases expanded, are no configuration.
const MOST_NODES: usize = 100_000;

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

/// A list or mapping that is still open.
enum Frame {
    List {
        line: u32,
        anchor: usize,
        items: Vec<Node>,
    },
    Mapping {
        line: u32,
        anchor: usize,
        entries: Vec<Entry>,
        key: Option<(String, u32)>,
    },
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    problems: Vec<TreeProblem>,
    open: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: u32) -> Result<(), TreeProblem> {
        match event {
            Event::DocumentStart(..) => self.begin_document(line),
            Event::Scalar(text, style, anchor, tag) => {
                self.check_tag(tag.as_deref(), line);
                let value = match style {
                    ScalarStyle::Plain if matches!(&*text, "" | "~" | "null") => Value::Null,
                    _ => Value::Scalar(text.into_owned()),
                };
                self.place(Node { line, value }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), line);
                self.begin(Frame::List {
                    line,
                    anchor,
                    items: Vec::new(),
                })
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), line);
                self.begin(Frame::Mapping {
                    line,
                    anchor,
                    entries: Vec::new(),
                    key: None,
                })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => self.place(node, 0),
                None => Err(self.problem(line, "refers to itself", "write the value out")),
            },
            _ => Ok(()),
        }
    }

    fn begin_document(&mut self, line: u32) -> Result<(), TreeProblem> {
        self.documents += 1;
        match self.documents {
            1 => Ok(()),
            _ => Err(self.problem(
                line,
                "a second YAML document begins here",
                "keep one document in the file",
            )),
        }
    }

    fn begin(&mut self, frame: Frame) -> Result<(), TreeProblem> {
        if let Some(Frame::Mapping {
            key: None, line, ..
        }) = self.open.last()
        {
            return Err(self.problem(
                *line,
                "a list or mapping stands as a key",
                "use plain words as keys",
            ));
        }
        self.open.push(frame);
        Ok(())
    }

    fn end(&mut self) -> Result<(), TreeProblem> {
        match self.open.pop() {
            Some(Frame::List {
                line,
                anchor,
                items,
            }) => self.place(
                Node {
                    line,
                    value: Value::List(items),
                },
                anchor,
            ),
            Some(Frame::Mapping {
                line,
                anchor,
                entries,
                ..
            }) => self.place(
                Node {
                    line,
                    value: Value::Mapping(entries),
                },
                anchor,
            ),
            None => Ok(()),
        }
    }

    /// Puts a finished node where it belongs: into the open list, as key or value of the open
    /// mapping, or as the root.
    fn place(&mut self, node: Node, anchor: usize) -> Result<(), TreeProblem> {
        self.nodes = self.nodes.saturating_add(count(&node));
        if self.nodes > MOST_NODES {
            return Err(self.problem(node.line, "holds too many values", "write fewer aliases"));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node).filter(|node| !matches!(node.value, Value::Null)),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Mapping { entries, key, .. }) => match (key.take(), node.value) {
                (Some((name, line)), value) => {
                    let node = Node {
                        line: node.line,
                        value,
                    };
                    match entries
                        .iter()
                        .find(|entry| entry.key == name)
                        .map(|entry| entry.line)
                    {
                        None => entries.push(Entry {
                            key: name,
                            line,
                            node,
                        }),
                        Some(first) => self.duplicate(name, line, first),
                    }
                }
                (None, Value::Scalar(name)) => *key = Some((name, node.line)),
                (None, Value::Null | Value::List(_) | Value::Mapping(_)) => {
                    return Err(self.problem(
                        node.line,
                        "a key is no plain word",
                        "use plain words as keys",
                    ));
                }
            },
        }
        Ok(())
    }

    fn duplicate(&mut self, name: String, line: u32, first: u32) {
        let key = self.path(Some(&name));
        self.problems.push(TreeProblem {
            line,
            key,
            problem: format!("stands twice, first in line {first}"),
            fix: "remove one of the two",
        });
    }

    fn check_tag(&mut self, tag: Option<&Tag>, line: u32) {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
            let problem = format!("the tag `{}` means nothing here", tag.original());
            let problem = self.problem(
                line,
                &problem,
                "remove it; values from elsewhere are ${VAR} or file:PATH",
            );
            self.problems.push(problem);
        }
    }

    fn problem(&self, line: u32, problem: &str, fix: &'static str) -> TreeProblem {
        TreeProblem {
            line,
            key: self.path(None),
            problem: problem.into(),
            fix,
        }
    }

    /// The path of the value that is being built, or of `last` in the open mapping.
    fn path(&self, last: Option<&str>) -> String {
        let mut path = String::new();
        for (depth, frame) in self.open.iter().enumerate() {
            match frame {
                Frame::List { items, .. } => path.push_str(&format!("[{}]", items.len())),
                Frame::Mapping { key, .. } => {
                    let innermost = depth + 1 == self.open.len();
                    let name = key.as_ref().map(|(name, _)| name.as_str());
                    let name = if innermost { last.or(name) } else { name };
                    path = join(&path, name.unwrap_or_default());
                }
            }
        }
        path
    }
}

/// The path of a key below another one.
pub(crate) fn join(path: &str, key: &str) -> String {
    match (path.is_empty(), key.is_empty()) {
        (true, _) => key.to_owned(),
        (false, true) => path.to_owned(),
        (false, false) => format!("{path}.{key}"),
    }
}

fn count(node: &Node) -> usize {
    match &node.value {
        Value::Null | Value::Scalar(_) => 1,
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Mapping(entries) => {
            1 + entries
                .iter()
                .map(|entry| count(&entry.node))
                .sum::<usize>()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
