//! What is wrong with a file, where, and what to write instead.

use std::fmt;

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationProblem {
    /// The file's path as it was given.
    pub file: String,
    /// The line, counted from 1; absent when the whole file is meant.
    pub line: Option<u64>,
    /// The key, dotted; empty when the whole file is meant.
    pub key: String,
    /// What is wrong, with which value.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
}

impl ConfigurationProblem {
    pub(super) fn unreadable(file: &str, error: &std::io::Error) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            key: String::new(),
            problem: format!("the file cannot be read: {error}"),
            fix: "create it, or name another folder with --config".to_owned(),
        }
    }
}

impl fmt::Display for ConfigurationProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(formatter, ": {}", self.key)?;
        }
        write!(formatter, ": {}; {}", self.problem, self.fix)
    }
}

/// Every problem that was found, in the order of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationErrors(pub Vec<ConfigurationProblem>);

impl fmt::Display for ConfigurationErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigurationErrors {}
