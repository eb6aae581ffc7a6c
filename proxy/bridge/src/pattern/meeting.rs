//! Where the upstream paths of two routes meet. For judging a configuration; no request needs it.

use super::template::Piece;
use super::{PathPattern, Segment, UpstreamPath};

mod segment;

use segment::Atom;

/// A pattern and the upstream path that goes with it.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// What browsers ask for.
    pub pattern: &'a PathPattern,
    /// What the upstream is asked for.
    pub upstream: &'a UpstreamPath,
}

/// All upstream paths of a way, segment by segment.
#[derive(Debug)]
pub struct Shape<'a> {
    pattern: &'a PathPattern,
    segments: Vec<Vec<Atom<'a>>>,
    tail: bool,
}

/// How many segments the examples have, whether they end in a slash, and the value of what may be
/// any.
#[derive(Clone, Copy)]
struct Size<'f> {
    length: usize,
    slash: bool,
    fresh: &'f str,
}

impl<'a> Shape<'a> {
    /// Reads a way.
    pub fn of(way: Way<'a>) -> Self {
        let mut shape = Self {
            pattern: way.pattern,
            segments: Vec::new(),
            tail: false,
        };
        for piece in &way.upstream.pieces {
            match piece {
                Piece::Literal(text) => shape.push_text(text),
                Piece::Parameter(index) => shape.push(Atom::Any(*index)),
                Piece::Tail => shape.end_in_tail(),
                Piece::Whole => shape.push_pattern(),
            }
        }
        shape
    }

    /// How many segments each of its paths has at least, an empty tail not counted.
    pub fn fixed(&self) -> usize {
        self.segments.len()
    }

    /// Requests of this way that lead to where the other leads as well: for each number of
    /// segments up to `longest` an example, with and without a slash at its end, in which `fresh`
    /// stands for whatever may be any value.
    pub fn requests_meeting<'s>(
        &'s self,
        other: &'s Shape<'_>,
        longest: usize,
        fresh: &'s str,
    ) -> impl Iterator<Item = String> + 's {
        let may = self.may_meet(other);
        let lengths = (1..=longest)
            .filter(move |length| may && self.reaches(*length) && other.reaches(*length));
        let sizes = lengths.flat_map(move |length| {
            [false, true].map(|slash| Size {
                length,
                slash,
                fresh,
            })
        });
        sizes.flat_map(move |size| self.requests_of_size(other, size, longest))
    }

    /// Whether a path of that many segments is among the shape's.
    fn reaches(&self, length: usize) -> bool {
        match self.tail {
            true => length > self.segments.len(),
            false => length == self.segments.len(),
        }
    }

    /// Rules most pairs out at little cost.
    fn may_meet(&self, other: &Self) -> bool {
        let pairs = self.segments.iter().zip(&other.segments);
        pairs
            .into_iter()
            .all(|(own, theirs)| match (own.as_slice(), theirs.as_slice()) {
                ([Atom::Text(own)], [Atom::Text(theirs)]) => own == theirs,
                _ => true,
            })
    }

    fn requests_of_size(&self, other: &Self, size: Size<'_>, longest: usize) -> Vec<String> {
        let Some((values, parameters)) = self.common(other, size) else {
            return Vec::new();
        };
        let parameters: Vec<String> = parameters
            .into_iter()
            .map(|value| value.unwrap_or_else(|| size.fresh.to_owned()))
            .collect();
        let rest = values.get(self.segments.len()..).unwrap_or_default();
        let tails = match (self.tail, self.pattern.has_tail()) {
            (true, _) => vec![rest.join("/")],
            // The template forgets the tail: any will do.
            (false, true) => (1..=longest)
                .map(|length| vec![size.fresh; length].join("/"))
                .chain([String::new()])
                .collect(),
            (false, false) => vec![String::new()],
        };
        let example = |tail: &String| self.pattern.example(&parameters, tail);
        tails.iter().map(example).collect()
    }

    /// The segments of a common path, and what the parameters are in it.
    fn common(&self, other: &Self, size: Size<'_>) -> Option<(Vec<String>, Vec<Option<String>>)> {
        let mut parameters = vec![None; self.pattern.parameters().count()];
        let mut values = vec![String::new(); size.length];
        let mut order: Vec<usize> = (0..size.length).collect();
        // What the other one fixes comes first: a parameter may stand more than once.
        order.sort_by_key(|index| segment::freedom(other.at(*index)));
        for index in order {
            let (own, theirs) = (self.at(index), other.at(index));
            let empty = size.slash && index + 1 == size.length;
            let value = match empty {
                true => {
                    let may_be_empty =
                        |atoms: Option<&[Atom<'_>]>| atoms.is_none_or(<[_]>::is_empty);
                    (may_be_empty(own) && may_be_empty(theirs)).then(String::new)?
                }
                false => segment::common(own, theirs, &mut parameters, size.fresh)?,
            };
            *values.get_mut(index)? = value;
        }
        Some((values, parameters))
    }

    /// The segment at a position; in the tail there is none that would be fixed.
    fn at(&self, index: usize) -> Option<&[Atom<'a>]> {
        self.segments.get(index).map(Vec::as_slice)
    }

    fn push(&mut self, atom: Atom<'a>) {
        if let Some(segment) = self.segments.last_mut() {
            segment.push(atom);
        }
    }

    fn push_text(&mut self, text: &'a str) {
        for (index, part) in text.split('/').enumerate() {
            if index > 0 {
                self.segments.push(Vec::new());
            }
            if !part.is_empty() {
                self.push(Atom::Text(part));
            }
        }
    }

    /// The slash before the tail has begun a segment, which is the tail's first.
    fn end_in_tail(&mut self) {
        self.segments.pop();
        self.tail = true;
    }

    fn push_pattern(&mut self) {
        let mut parameters = 0..;
        for segment in self.pattern.segments() {
            match segment {
                Segment::Literal(text) if text.is_empty() => self.segments.push(Vec::new()),
                Segment::Literal(text) => self.segments.push(vec![Atom::Text(text)]),
                Segment::Parameter(_) => {
                    let any = parameters.next().map(Atom::Any);
                    self.segments.push(any.into_iter().collect());
                }
                Segment::Tail => self.tail = true,
            }
        }
    }
}

impl PathPattern {
    /// Whether one of its segments is this very text.
    pub fn names_segment(&self, text: &str) -> bool {
        let is_text =
            |segment: &Segment| matches!(segment, Segment::Literal(own) if **own == *text);
        self.segments.iter().any(is_text)
    }

    /// A path that it matches, with these values for its parameters (by position) and its tail.
    fn example(&self, parameters: &[String], tail: &str) -> String {
        let mut path = String::new();
        let mut parameters = parameters.iter();
        for segment in &self.segments {
            path.push('/');
            path.push_str(match segment {
                Segment::Literal(text) => text,
                Segment::Parameter(_) => parameters.next().map_or("", String::as_str),
                Segment::Tail => tail,
            });
        }
        path
    }
}

#[cfg(test)]
mod tests;
