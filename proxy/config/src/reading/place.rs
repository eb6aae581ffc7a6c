//! Where a value stands, and noting what is wrong with it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::substitution::Sources;
use super::tree;
use crate::problem::{Places, Problem, Severity, Spot};

/// One loading of a folder: where values come from and what was found so far.
pub(crate) struct Reading<'r> {
    pub(crate) sources: Sources<'r>,
    pub(crate) found: RefCell<Found>,
}

/// What was found while reading.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) problems: Vec<Problem>,
    pub(crate) places: Places,
    /// Every key that was asked for, with `<name>` and `[]` for the free parts.
    pub(crate) known: BTreeSet<String>,
}

/// What is wrong with a value: `problem` continues a sentence that begins with the value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) problem: String,
    pub(crate) fix: String,
}

impl Complaint {
    pub(crate) fn new(problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            fix: fix.into(),
        }
    }
}

/// What a reader of one value gives.
pub(crate) type Read<T> = Result<T, Complaint>;

/// A key and where it stands.
#[derive(Clone)]
pub(crate) struct At<'r> {
    pub(crate) reading: &'r Reading<'r>,
    pub(crate) file: Rc<str>,
    pub(crate) line: Option<u32>,
    pub(crate) key: String,
    /// The key with `<name>` and `[]` for its free parts.
    pub(crate) shape: String,
}

impl At<'_> {
    /// Notes a problem that nothing runs with.
    pub(crate) fn error(&self, problem: impl Into<String>, fix: impl Into<String>) {
        self.note(problem.into(), fix.into(), Severity::Error);
    }

    /// Notes a problem that `check` fails on and that `run` starts with.
    pub(crate) fn fail_check(&self, problem: impl Into<String>, fix: impl Into<String>) {
        self.note(problem.into(), fix.into(), Severity::CheckError);
    }

    /// Notes something worth knowing.
    pub(crate) fn warn(&self, problem: impl Into<String>, fix: impl Into<String>) {
        self.note(problem.into(), fix.into(), Severity::Warning);
    }

    /// Notes what is wrong with the value that stands here as `shown`.
    pub(crate) fn complain(&self, shown: &str, complaint: Complaint) {
        self.error(format!("{shown} {}", complaint.problem), complaint.fix);
    }

    fn note(&self, problem: String, fix: String, severity: Severity) {
        let spot = Spot::new(&self.file, self.line, self.key.clone());
        let problem = spot.problem(severity, problem, fix);
        self.reading.found.borrow_mut().problems.push(problem);
    }

    /// The place of a key below this one: its own line where it stands in the file.
    pub(crate) fn below_key(&self, key: &str) -> Self {
        let key = tree::join(&self.key, key);
        let found = self.reading.found.borrow();
        let line = found.places.get(&key).copied().or(self.line);
        Self {
            key,
            line,
            ..self.clone()
        }
    }

    pub(crate) fn below(&self, key: &str, shape: &str, line: u32) -> Self {
        let at = Self {
            reading: self.reading,
            file: self.file.clone(),
            line: Some(line),
            key: tree::join(&self.key, key),
            shape: tree::join(&self.shape, shape),
        };
        at.remember(line)
    }

    pub(crate) fn element(&self, index: usize, line: u32) -> Self {
        let at = Self {
            key: format!("{}[{index}]", self.key),
            shape: format!("{}[]", self.shape),
            line: Some(line),
            ..self.clone()
        };
        at.remember(line)
    }

    fn remember(self, line: u32) -> Self {
        self.reading
            .found
            .borrow_mut()
            .places
            .insert(self.key.clone(), line);
        self
    }
}
