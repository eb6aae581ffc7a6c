//! The upstream path templates that go with patterns: `/v1/{id}/{path}`.

use thiserror::Error;

use super::{Captures, PathPattern};
use crate::target::{EncodedSlash, TargetProblem, canonical_path};

/// How the upstream's path is made from the matched one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamPath {
    pub(super) pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
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
mod tests;
