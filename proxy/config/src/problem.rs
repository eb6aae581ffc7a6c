//! Problems of a configuration and how they are shown.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing runs with it.
    Error,
    /// `check` fails on it; `run` starts and warns: only requests to what it is about are refused.
    CheckError,
    /// Worth knowing.
    Warning,
}

/// One thing that is wrong, and what to do about it. Never shows a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file as the user named its folder, joined with its name.
    pub file: String,
    /// The line, from 1 on; absent where it is about the whole file.
    pub line: Option<u32>,
    /// The path of the key, e.g. `routes[2].upstream_path`; empty for the whole file.
    pub key: String,
    /// What is wrong with which value.
    pub problem: String,
    /// What to do.
    pub fix: String,
    /// How much it matters.
    pub severity: Severity,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(formatter, ": {}", self.key)?;
        }
        write!(formatter, ": {}; {}", self.problem, self.fix)
    }
}

/// The line of each key of a configuration, by its path.
pub(crate) type Places = BTreeMap<String, u32>;

/// Where a problem is.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    file: String,
    line: Option<u32>,
    key: String,
}

impl Spot {
    /// A key of a file.
    pub(crate) fn new(file: &str, line: Option<u32>, key: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            key: key.into(),
        }
    }

    /// File and line.
    pub(crate) fn place(&self) -> String {
        match self.line {
            Some(line) => format!("{}:{line}", self.file),
            None => self.file.clone(),
        }
    }

    /// What is wrong there.
    pub(crate) fn problem(
        self,
        severity: Severity,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Problem {
        let Self { file, line, key } = self;
        Problem {
            file,
            line,
            key,
            problem: problem.into(),
            fix: fix.into(),
            severity,
        }
    }
}

/// Every problem of a configuration, in the order of files and lines. `Display` has one a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Report {
    problems: Vec<Problem>,
}

impl Report {
    /// The problems.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// A report of these problems, sorted, each of them once.
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        let mut report = Self::default();
        report.extend(problems);
        report
    }

    /// Adds what another check found; a problem that is already there is not repeated.
    pub fn extend(&mut self, problems: Vec<Problem>) {
        self.problems.extend(problems);
        let place = |problem: &Problem| (problem.file.clone(), problem.line, problem.key.clone());
        self.problems.sort_by_key(place);
        self.problems.dedup();
    }

    /// Whether something of it keeps the gateway from starting.
    pub fn has_errors(&self) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }

    /// Whether something of it makes `check` fail.
    pub fn fails_check(&self) -> bool {
        self.problems.iter().any(|problem| match problem.severity {
            Severity::Error | Severity::CheckError => true,
            Severity::Warning => false,
        })
    }

    /// Whether there is none, not even a warning.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(formatter, "{problem}")?;
        }
        Ok(())
    }
}
