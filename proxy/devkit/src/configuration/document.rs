//! From the files' text to the model, with the place of each problem.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::model::{Client, Development, IdpConfiguration, TokenSettings, User};
use super::problem::{ConfigurationErrors, ConfigurationProblem};
use super::rules;
use crate::secret::Secret;

/// `settings.yaml` as it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    token: TokenSettings,
    #[serde(default)]
    users: Option<BTreeMap<String, User>>,
    #[serde(default)]
    development: Option<Development>,
}

/// Reads both files, each given as its name and its text, and reports the problems of both.
pub(super) fn read(
    (settings_file, settings_text): (&str, &str),
    (clients_file, clients_text): (&str, &str),
) -> Result<IdpConfiguration, ConfigurationErrors> {
    let settings = parse::<Settings>(settings_file, settings_text);
    let clients = parse::<BTreeMap<String, Client>>(clients_file, clients_text);
    let (settings, clients) = match (settings, clients) {
        (Ok(settings), Ok(clients)) => (settings, clients),
        (settings, clients) => {
            let problems = settings.err().into_iter().chain(clients.err());
            return Err(ConfigurationErrors(problems.collect()));
        }
    };
    let configuration = IdpConfiguration {
        token: settings.token,
        users: settings.users.unwrap_or_else(demo_users),
        development: settings.development.unwrap_or_default(),
        clients,
    };
    let problems = rules::check(
        &configuration,
        &Text::new(settings_file, settings_text),
        &Text::new(clients_file, clients_text),
    );
    if problems.is_empty() {
        Ok(configuration)
    } else {
        Err(ConfigurationErrors(problems))
    }
}

fn demo_users() -> BTreeMap<String, User> {
    let user = |password: &str| User {
        password: Secret::new(password),
        name: None,
        email: None,
    };
    BTreeMap::from([
        ("alice".to_owned(), user("wonderland")),
        ("bob".to_owned(), user("builder")),
    ])
}

fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, ConfigurationProblem> {
    let empty = text
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    if empty {
        return Err(ConfigurationProblem {
            file: file.to_owned(),
            line: None,
            key: String::new(),
            problem: "the file is empty".to_owned(),
            fix: "copy the demo's file from conf/idp and adapt it".to_owned(),
        });
    }
    serde_yaml::from_str(text).map_err(|error| {
        let line = error.location().map(|location| location.line());
        ConfigurationProblem {
            file: file.to_owned(),
            line,
            key: line.map_or_else(String::new, |line| key_path(text, line)),
            problem: first_line(&error.without_snippet().to_string()),
            fix: "conf/idp shows the form; the keys are those of the message".to_owned(),
        }
    })
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

/// A file's name and text, to find the line of a key or value that a rule is about.
pub(super) struct Text<'a> {
    file: &'a str,
    text: &'a str,
}

impl<'a> Text<'a> {
    fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text }
    }

    /// A problem at the first line that holds all the words, which are looked for one after
    /// the other.
    pub(super) fn problem(
        &self,
        words: &[&str],
        problem: String,
        fix: &str,
    ) -> ConfigurationProblem {
        let mut lines = self.text.lines().enumerate();
        let mut found = None;
        for word in words {
            match lines.find(|(_, line)| line.contains(word)) {
                Some((index, _)) => found = Some(index as u64 + 1),
                None => break,
            }
        }
        ConfigurationProblem {
            file: self.file.to_owned(),
            line: found,
            key: found.map_or_else(String::new, |line| key_path(self.text, line)),
            problem,
            fix: fix.to_owned(),
        }
    }
}

/// The dotted key at a line of a block-style document: its own key under those of the lines
/// above it with less indentation.
fn key_path(text: &str, line: u64) -> String {
    let Ok(wanted) = usize::try_from(line) else {
        return String::new();
    };
    let mut keys: Vec<&str> = Vec::new();
    let mut limit = usize::MAX;
    let above: Vec<&str> = text.lines().take(wanted).collect();
    for line in above.into_iter().rev() {
        let content = line.trim_start().trim_start_matches("- ").trim_start();
        let indentation = line.len() - content.len();
        if content.is_empty() || content.starts_with('#') || indentation >= limit {
            continue;
        }
        if let Some(key) = own_key(content) {
            keys.push(key);
            limit = indentation;
        }
    }
    keys.reverse();
    keys.join(".")
}

/// The key that a line begins with; a colon inside a value has no space behind it.
fn own_key(content: &str) -> Option<&str> {
    let key = content
        .split_once(": ")
        .map(|(key, _)| key)
        .or_else(|| content.trim_end().strip_suffix(':'))?;
    let key = key.trim().trim_matches(['"', '\'']);
    (!key.contains(['{', '['])).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_line_is_found_with_its_parents() {
        let text = "token:\n  audience_mappings:\n    scope_mappings:\n      - scope: a\n        audiences:\n          - https://a.example\n";
        assert_eq!(
            key_path(text, 4),
            "token.audience_mappings.scope_mappings.scope"
        );
        assert_eq!(
            key_path(text, 6),
            "token.audience_mappings.scope_mappings.audiences"
        );
    }
}
