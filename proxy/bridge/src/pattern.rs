//! Route patterns (`/a/{id}/*`): how they are written, and what they found in a path.
//!
//! | module | owns |
//! |---|---|
//! | [`template`] | the upstream path that goes with a pattern |
//! | [`meeting`] | where the upstream paths of two routes meet |

mod meeting;
mod template;

use std::fmt;

use thiserror::Error;

pub use meeting::{Shape, Way};
pub use template::{TemplateProblem, UpstreamPath};

use crate::target::{EncodedSlash, TargetProblem, canonical_path};

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// Matches itself, in canonical form.
    Literal(Box<str>),
    /// `{name}`: matches any one non-empty segment.
    Parameter(Box<str>),
    /// A last `*`: matches the whole rest, which may be empty.
    Tail,
}

/// A parsed route pattern.
#[derive(Clone, PartialEq, Eq)]
pub struct PathPattern {
    text: Box<str>,
    segments: Vec<Segment>,
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternProblem {
    /// The literal part of a pattern can never be matched as written.
    #[error("the path {0}")]
    Target(#[from] TargetProblem),
    /// `*` anywhere but alone in the last segment.
    #[error("`*` may only stand alone as the last segment")]
    MisplacedTail,
    /// `{a}b`, `{`, `{}` or a name with other characters than letters, digits and `_`.
    #[error("`{0}` is no placeholder: a whole segment of the form {{name}} is")]
    MalformedParameter(String),
    /// The same name twice.
    #[error("the placeholder {{{0}}} stands twice")]
    RepeatedParameter(String),
    /// `?` or `#`: queries take no part in matching.
    #[error("a pattern has no query: remove everything from `?` on")]
    HasQuery,
}

impl PathPattern {
    /// Parses `/exact`, `/with/{parameters}` and `/with/a/tail/*`.
    ///
    /// # Errors
    /// The first problem of the pattern.
    pub fn parse(text: &str) -> Result<Self, PatternProblem> {
        if text.contains(['?', '#']) {
            return Err(PatternProblem::HasQuery);
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(TargetProblem::NotAPath.into());
        };
        let parts: Vec<&str> = rest.split('/').collect();
        let mut segments = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            segments.push(parse_segment(part, index + 1 == parts.len())?);
        }
        let pattern = Self {
            text: text.into(),
            segments,
        };
        pattern.check_names()?;
        Ok(pattern)
    }

    fn check_names(&self) -> Result<(), PatternProblem> {
        let mut seen: Vec<&str> = self.has_tail().then_some("path").into_iter().collect();
        for name in self.parameters() {
            if seen.contains(&name) {
                return Err(PatternProblem::RepeatedParameter(name.into()));
            }
            seen.push(name);
        }
        Ok(())
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The parsed segments.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The names of the `{parameters}`, from left to right.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Parameter(name) => Some(&**name),
            Segment::Literal(_) | Segment::Tail => None,
        })
    }

    /// Whether the pattern ends in `*`.
    pub fn has_tail(&self) -> bool {
        self.segments.last() == Some(&Segment::Tail)
    }
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("PathPattern")
            .field(&self.text)
            .finish()
    }
}

fn parse_segment(part: &str, last: bool) -> Result<Segment, PatternProblem> {
    match part {
        "*" if last => Ok(Segment::Tail),
        "" if last => Ok(Segment::Literal("".into())),
        _ if part.contains('*') => Err(PatternProblem::MisplacedTail),
        _ if part.contains(['{', '}']) => parameter_name(part)
            .map(|name| Segment::Parameter(name.into()))
            .ok_or_else(|| PatternProblem::MalformedParameter(part.into())),
        _ => {
            let path = canonical_path(format!("/{part}").as_bytes(), EncodedSlash::Keep)?;
            if part.is_empty() {
                return Err(TargetProblem::EmptySegment.into());
            }
            Ok(Segment::Literal(path.trim_start_matches('/').into()))
        }
    }
}

fn parameter_name(part: &str) -> Option<&str> {
    let name = part.strip_prefix('{')?.strip_suffix('}')?;
    let valid = |character: char| character.is_ascii_alphanumeric() || character == '_';
    (!name.is_empty() && name.chars().all(valid)).then_some(name)
}

/// Where in a canonical path the parameters and the tail of a pattern were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures {
    /// Byte ranges of the parameters, from left to right.
    pub(crate) parameters: Vec<(usize, usize)>,
    /// Where the tail begins.
    pub(crate) tail: Option<usize>,
}

impl Captures {
    fn parameter<'p>(&self, index: usize, path: &'p str) -> &'p str {
        let range = self.parameters.get(index).copied();
        range
            .and_then(|(start, end)| path.get(start..end))
            .unwrap_or_default()
    }

    fn tail<'p>(&self, path: &'p str) -> &'p str {
        self.tail
            .and_then(|start| path.get(start..))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
