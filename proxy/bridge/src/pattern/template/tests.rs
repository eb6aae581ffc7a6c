use super::*;

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
