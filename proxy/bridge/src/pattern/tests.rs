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
