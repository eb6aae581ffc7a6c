//! A set of OAuth scopes in the order in which they were named.

use std::fmt;

/// Scopes of RFC 6749 § 3.3: unique, order kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scopes(Vec<String>);

impl Scopes {
    /// Reads a space-separated list.
    pub(crate) fn parse(text: &str) -> Self {
        text.split(' ').filter(|scope| !scope.is_empty()).collect()
    }

    pub(crate) fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|own| own == scope)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The first scope that `other` does not have.
    pub(crate) fn first_missing_in<'a>(&'a self, other: &Self) -> Option<&'a str> {
        self.iter().find(|scope| !other.contains(scope))
    }
}

impl<'a> FromIterator<&'a str> for Scopes {
    fn from_iter<I: IntoIterator<Item = &'a str>>(scopes: I) -> Self {
        let mut unique: Vec<String> = Vec::new();
        for scope in scopes {
            if !unique.iter().any(|own| own == scope) {
                unique.push(scope.to_owned());
            }
        }
        Self(unique)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(" "))
    }
}
