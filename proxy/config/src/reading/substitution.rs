//! Values from elsewhere: `${VAR}`, `${VAR:-default}` and `file:PATH`.

use std::io::{Error, ErrorKind};
use std::path::Path;

/// Where values from elsewhere come from.
pub(crate) struct Sources<'a> {
    /// The folder that relative paths start from.
    pub(crate) folder: &'a Path,
    /// The environment.
    pub(crate) environment: &'a dyn Fn(&str) -> Option<String>,
}

/// Why a value could not be had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unresolved {
    pub(crate) problem: String,
    pub(crate) fix: String,
    /// Everything is right but that the file is not there.
    pub(crate) file_is_missing: bool,
}

impl Unresolved {
    fn new(problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            fix: fix.into(),
            file_is_missing: false,
        }
    }
}

impl Sources<'_> {
    /// The value that `written` stands for. Variables are put in first and not looked into again;
    /// `$${` stands for `${`. A result that begins with `file:` is replaced by the file's text
    /// without its last newline.
    pub(crate) fn resolve(&self, written: &str) -> Result<String, Unresolved> {
        let text = self.put_in_variables(written)?;
        match text.strip_prefix("file:") {
            Some(path) => self.read(path),
            None => Ok(text),
        }
    }

    fn put_in_variables(&self, written: &str) -> Result<String, Unresolved> {
        let mut text = String::with_capacity(written.len());
        let mut rest = written;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                text.push_str(before);
                text.push_str("${");
                rest = after;
                continue;
            }
            text.push_str(before);
            let Some((reference, after)) = after.split_once('}') else {
                return Err(Unresolved::new(
                    "has a `${` without its `}`",
                    "write ${VAR} or ${VAR:-default}; `$${` stands for a plain `${`",
                ));
            };
            text.push_str(&self.variable(reference)?);
            rest = after;
        }
        text.push_str(rest);
        Ok(text)
    }

    fn variable(&self, reference: &str) -> Result<String, Unresolved> {
        let (name, default) = match reference.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (reference, None),
        };
        let valid = |character: char| character.is_ascii_alphanumeric() || character == '_';
        if name.is_empty() || !name.chars().all(valid) {
            return Err(Unresolved::new(
                "has a `${}` without the name of a variable",
                "write ${VAR} or ${VAR:-default}; a name has letters, digits and `_`",
            ));
        }
        // As in a shell, `:-` stands in for an empty variable as well.
        let value = (self.environment)(name).filter(|value| default.is_none() || !value.is_empty());
        value.or(default.map(str::to_owned)).ok_or_else(|| {
            Unresolved::new(
                format!("the variable {name} is not set"),
                format!("set {name}, or write ${{{name}:-default}}"),
            )
        })
    }

    fn read(&self, path: &str) -> Result<String, Unresolved> {
        let full = self.folder.join(path);
        let unreadable = |error: Error| Unresolved {
            file_is_missing: error.kind() == ErrorKind::NotFound,
            ..Unresolved::new(
                format!("the file {} cannot be read: {error}", full.display()),
                "create it or correct the path; relative paths start from the configuration folder",
            )
        };
        let mut text = super::text::read(&full).map_err(unreadable)?;
        if text.ends_with('\n') {
            text.pop();
        }
        if text.ends_with('\r') {
            text.pop();
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("example.org".into()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${HOST}".into()),
            "KEY" => Some("file:key".into()),
            _ => None,
        }
    }

    #[test]
    fn variables_defaults_and_files_are_put_in() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "secret\r\n").unwrap();
        let sources = Sources {
            folder: folder.path(),
            environment: &environment,
        };
        for (written, value) in [
            ("plain", "plain"),
            (
                "https://${HOST}:${PORT:-8443}/",
                "https://example.org:8443/",
            ),
            ("${EMPTY}", ""),
            ("${EMPTY:-x}", "x"),
            ("${ABSENT:-}", ""),
            ("${NESTED}", "${HOST}"),
            ("a$${HOST}b", "a${HOST}b"),
            ("$5", "$5"),
            ("file:key", "secret"),
            ("${KEY}", "secret"),
        ] {
            assert_eq!(sources.resolve(written).as_deref(), Ok(value), "{written}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources {
            folder: folder.path(),
            environment: &environment,
        };
        for (written, problem) in [
            ("${ABSENT}", "the variable ABSENT is not set"),
            ("${HOST", "has a `${` without its `}`"),
            ("${}", "has a `${}` without the name of a variable"),
            ("${a b}", "has a `${}` without the name of a variable"),
        ] {
            assert_eq!(
                sources.resolve(written).unwrap_err().problem,
                problem,
                "{written}"
            );
        }
        let missing = sources.resolve("file:none").unwrap_err().problem;
        assert!(
            missing.contains("none cannot be read: No such file"),
            "{missing}"
        );
    }
}
