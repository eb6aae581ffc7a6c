//! From the parser's events to a tree.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_yaml::granit_parser::{Event, ScalarStyle, Tag};

use super::{Entry, Node, TreeProblem, Value, join};

/// More nodes than this, aliases expanded, are no configuration.
const MOST_NODES: usize = 100_000;

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
pub(super) struct Builder {
    pub(super) root: Option<Node>,
    pub(super) problems: Vec<TreeProblem>,
    open: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
}

impl Builder {
    pub(super) fn take(&mut self, event: Event<'_>, line: u32) -> Result<(), TreeProblem> {
        match event {
            Event::DocumentStart(..) => self.begin_document(line),
            Event::Scalar(text, style, anchor, tag) => {
                self.check_tag(tag.as_deref(), line);
                let value = scalar(text, style);
                self.place(Node { line, value }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), line);
                let items = Vec::new();
                self.begin(
                    Frame::List {
                        line,
                        anchor,
                        items,
                    },
                    line,
                )
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), line);
                let (entries, key) = (Vec::new(), None);
                self.begin(
                    Frame::Mapping {
                        line,
                        anchor,
                        entries,
                        key,
                    },
                    line,
                )
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

    fn begin(&mut self, frame: Frame, line: u32) -> Result<(), TreeProblem> {
        if let Some(Frame::Mapping { key: None, .. }) = self.open.last() {
            return Err(self.problem(
                line,
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

fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    let plain = style == ScalarStyle::Plain;
    match plain && matches!(&*text, "" | "~" | "null") {
        true => Value::Null,
        false => Value::Scalar(text.into_owned()),
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
