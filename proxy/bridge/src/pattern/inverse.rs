//! Patterns and templates read the other way round: which requests lead somewhere. For judging a
//! configuration; no request needs it.

use super::{PathPattern, Piece, Segment, UpstreamPath};

impl PathPattern {
    /// A path that it matches, with these values for its parameters (by position) and its tail.
    pub fn example(&self, parameters: &[String], tail: &str) -> String {
        let mut path = String::new();
        let mut parameters = parameters.iter();
        for segment in &self.segments {
            path.push('/');
            path.push_str(match segment {
                Segment::Literal(text) => text,
                Segment::Parameter(_) => parameters.next().map_or("x", String::as_str),
                Segment::Tail => tail,
            });
        }
        path
    }
}

impl UpstreamPath {
    /// The path of a request that would be forwarded as `upstream`, if there is one; a template
    /// with a parameter inside of a segment is not read.
    pub fn request_for(&self, pattern: &PathPattern, upstream: &str) -> Option<String> {
        let mut parameters: Vec<String> = pattern.parameters().map(|_| "x".to_owned()).collect();
        let mut tail = "";
        let mut rest = upstream;
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => rest = rest.strip_prefix(&**literal)?,
                Piece::Whole => return rest.starts_with('/').then(|| rest.to_owned()),
                Piece::Tail => tail = std::mem::take(&mut rest),
                Piece::Parameter(index) => {
                    let end = rest.find('/').unwrap_or(rest.len());
                    let (value, after) = rest.split_at_checked(end)?;
                    if value.is_empty() {
                        return None;
                    }
                    *parameters.get_mut(*index)? = value.to_owned();
                    rest = after;
                }
            }
        }
        rest.is_empty().then(|| pattern.example(&parameters, tail))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_found_that_leads_to_a_path() {
        for (pattern, template, upstream, request) in [
            (
                "/open/*",
                "/{path}",
                "/base/reports/7",
                Some("/open/reports/7"),
            ),
            ("/open/{id}", "/v1/{id}", "/base/v1/7", Some("/open/7")),
            ("/open/{id}", "/v1/{id}", "/base/v1/7/8", None),
            ("/open/{id}", "/v1/{id}", "/base/v1/", None),
            ("/open", "/v1", "/base/v1", Some("/open")),
            ("/open", "/v1", "/base/v1/x", None),
            (
                "/{a}/{b}/*",
                "/{b}/{a}/{path}",
                "/base/1/2/3/4",
                Some("/2/1/3/4"),
            ),
            ("/a/*", "/public/{path}", "/base/private", None),
        ] {
            let pattern = PathPattern::parse(pattern).unwrap();
            let template = UpstreamPath::parse(template, &pattern, "/base").unwrap();
            let found = template.request_for(&pattern, upstream);
            assert_eq!(found.as_deref(), request, "{pattern:?} {upstream}");
        }
        let pattern = PathPattern::parse("/*").unwrap();
        let found = UpstreamPath::preserved("/base").request_for(&pattern, "/base/a/b");
        assert_eq!(found.as_deref(), Some("/a/b"));
    }
}
