//! Route patterns (`/a/{id}/*`) and the upstream path templates that go with them.

mod meeting;

use std::fmt;

use thiserror::Error;

pub use meeting::{Shape, Way};

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

/// How the upstream's path is made from the matched one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamPath {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Box<str>),
    Parameter(usize),
    Tail,
    Whole,
}

/// What is wrong with an `upstream_path`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateProblem {
    /// It does not begin with `/`.
    #[error("must begin with `/`")]
    NotAPath,
    /// A query or a fragment: the client's query is appended as it came.
    #[error("must not hold `?` or `#`: the client's query is appended as it came")]
    HasQuery,
    /// A placeholder without its closing brace, or a lone `}`.
    #[error("has a `{{` or `}}` that closes nothing")]
    Unbalanced,
    /// A placeholder that the pattern does not have.
    #[error("the placeholder {{{name}}} is not in the pattern; {known}")]
    UnknownPlaceholder {
        /// The name as written.
        name: String,
        /// Which there are, as a sentence.
        known: String,
    },
    /// `{path}` anywhere but at the end, after a `/`.
    #[error("{{path}} may only stand at the end, after a `/`")]
    MisplacedTail,
    /// `*`, which belongs in the pattern.
    #[error("`*` is for the pattern; write {{path}} here")]
    Star,
    /// The literal part would make the upstream's path ambiguous.
    #[error("{0}")]
    Target(#[from] TargetProblem),
    /// The literal part is not written as it would have to be sent.
    #[error("must be written as it is sent: {0} (with an x for each placeholder)")]
    NotCanonical(String),
}

impl UpstreamPath {
    /// Forwards the matched path as it is, below `base_path` (empty or `/prefix`).
    pub fn preserved(base_path: &str) -> Self {
        Self {
            pieces: vec![Piece::Literal(base_path.into()), Piece::Whole],
        }
    }

    /// Parses a template for `pattern`, below `base_path` (empty or `/prefix`).
    ///
    /// # Errors
    /// The first problem of the template.
    pub fn parse(
        text: &str,
        pattern: &PathPattern,
        base_path: &str,
    ) -> Result<Self, TemplateProblem> {
        if !text.starts_with('/') {
            return Err(TemplateProblem::NotAPath);
        }
        if text.contains(['?', '#']) {
            return Err(TemplateProblem::HasQuery);
        }
        if text.contains('*') {
            return Err(TemplateProblem::Star);
        }
        let mut pieces = vec![Piece::Literal(base_path.into())];
        let mut rest = text;
        while let Some((literal, tail)) = rest.split_once('{') {
            let (name, tail) = tail.split_once('}').ok_or(TemplateProblem::Unbalanced)?;
            if literal.contains('}') {
                return Err(TemplateProblem::Unbalanced);
            }
            pieces.push(Piece::Literal(literal.into()));
            pieces.push(placeholder(name, pattern)?);
            if pieces.last() == Some(&Piece::Tail) && !(tail.is_empty() && literal.ends_with('/')) {
                return Err(TemplateProblem::MisplacedTail);
            }
            rest = tail;
        }
        if rest.contains('}') {
            return Err(TemplateProblem::Unbalanced);
        }
        check_literals(text)?;
        pieces.push(Piece::Literal(rest.into()));
        Ok(Self { pieces })
    }

    /// The upstream's path for a matched canonical `path`.
    pub fn render(&self, path: &str, captures: &Captures) -> String {
        let mut text = String::with_capacity(path.len() + 32);
        text.extend(self.pieces(path, captures));
        text
    }

    /// What is put together by [`render`](Self::render).
    pub(crate) fn pieces<'p>(
        &'p self,
        path: &'p str,
        captures: &'p Captures,
    ) -> impl Iterator<Item = &'p str> {
        self.pieces.iter().map(move |piece| match piece {
            Piece::Literal(literal) => literal,
            Piece::Parameter(index) => captures.parameter(*index, path),
            Piece::Tail => captures.tail(path),
            Piece::Whole => path,
        })
    }
}

/// The literal parts of a template, with each placeholder taken as a letter that no percent
/// encoding has: none may reach into what a client sends.
fn check_literals(text: &str) -> Result<(), TemplateProblem> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((literal, tail)) = rest.split_once('{') {
        plain.push_str(literal);
        plain.push('x');
        rest = tail.split_once('}').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    let canonical = canonical_path(plain.as_bytes(), EncodedSlash::Keep)?;
    match canonical == plain {
        true => Ok(()),
        false => Err(TemplateProblem::NotCanonical(canonical)),
    }
}

fn placeholder(name: &str, pattern: &PathPattern) -> Result<Piece, TemplateProblem> {
    if let Some(index) = pattern.parameters().position(|known| known == name) {
        return Ok(Piece::Parameter(index));
    }
    if name == "path" && pattern.has_tail() {
        return Ok(Piece::Tail);
    }
    let mut known: Vec<String> = pattern
        .parameters()
        .map(|name| format!("{{{name}}}"))
        .collect();
    if pattern.has_tail() {
        known.push("{path}".into());
    }
    let known = match known.is_empty() {
        true => "it has none".into(),
        false => format!("it has {}", known.join(", ")),
    };
    Err(TemplateProblem::UnknownPlaceholder {
        name: name.into(),
        known,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn broken_patterns_are_refused() {
        use PatternProblem as P;
        for (text, problem) in [
            ("a", P::Target(TargetProblem::NotAPath)),
            ("/a//b", P::Target(TargetProblem::EmptySegment)),
            ("/a/../b", P::Target(TargetProblem::DotSegment)),
            ("/a/*/b", P::MisplacedTail),
            ("/a*", P::MisplacedTail),
            ("/a/**", P::MisplacedTail),
            ("/a/{", P::MalformedParameter("{".into())),
            ("/a/{}", P::MalformedParameter("{}".into())),
            ("/a/{b}c", P::MalformedParameter("{b}c".into())),
            ("/{a}/{a}", P::RepeatedParameter("a".into())),
            ("/{path}/*", P::RepeatedParameter("path".into())),
            ("/a?b", P::HasQuery),
        ] {
            assert_eq!(PathPattern::parse(text), Err(problem), "{text}");
        }
    }

    #[test]
    fn broken_templates_are_refused() {
        use TemplateProblem as P;
        let pattern = PathPattern::parse("/a/{id}/*").unwrap();
        let known = "it has {id}, {path}".to_string();
        for (text, problem) in [
            ("a", P::NotAPath),
            ("/a?b={id}", P::HasQuery),
            ("/a/*", P::Star),
            ("/a/{id", P::Unbalanced),
            ("/a/id}", P::Unbalanced),
            (
                "/a/{other}",
                P::UnknownPlaceholder {
                    name: "other".into(),
                    known: known.clone(),
                },
            ),
            (
                "/a/{}",
                P::UnknownPlaceholder {
                    name: String::new(),
                    known,
                },
            ),
            ("/a/{path}/b", P::MisplacedTail),
            ("/a{path}", P::MisplacedTail),
            ("/a/../{path}", P::Target(TargetProblem::DotSegment)),
            ("/a/..", P::Target(TargetProblem::DotSegment)),
            ("/é/{id}", P::NotCanonical("/%C3%A9/x".into())),
            ("/a%2d", P::NotCanonical("/a-".into())),
            ("/a%2{id}", P::Target(TargetProblem::BrokenEncoding)),
            ("//a", P::Target(TargetProblem::EmptySegment)),
        ] {
            assert_eq!(
                UpstreamPath::parse(text, &pattern, ""),
                Err(problem),
                "{text}"
            );
        }
    }

    #[test]
    fn a_template_is_filled_from_the_captures() {
        let pattern = PathPattern::parse("/a/{id}/*").unwrap();
        let template = UpstreamPath::parse("/v1/x-{id}/{path}", &pattern, "/base").unwrap();
        let captures = Captures {
            parameters: vec![(3, 5)],
            tail: Some(6),
        };
        assert_eq!(template.render("/a/42/b/c", &captures), "/base/v1/x-42/b/c");
        assert_eq!(template.render("/a/42/", &captures), "/base/v1/x-42/");
        let preserved = UpstreamPath::preserved("/base");
        assert_eq!(preserved.render("/a/42/b", &captures), "/base/a/42/b");
    }
}
