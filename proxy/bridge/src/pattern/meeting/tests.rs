use super::*;

fn requests(open: (&str, &str), protected: (&str, &str), base: &str) -> Vec<String> {
    let patterns = [open.0, protected.0].map(|pattern| PathPattern::parse(pattern).unwrap());
    let template = |text: &str, pattern: &PathPattern| match text {
        "preserve" => UpstreamPath::preserved(base),
        text => UpstreamPath::parse(text, pattern, base).unwrap(),
    };
    let upstreams = [
        template(open.1, &patterns[0]),
        template(protected.1, &patterns[1]),
    ];
    let [open, protected] = [0, 1].map(|index| {
        Shape::of(Way {
            pattern: &patterns[index],
            upstream: &upstreams[index],
        })
    });
    open.requests_meeting(&protected, 4, "y").collect()
}

#[test]
fn a_request_is_found_wherever_two_upstream_paths_meet() {
    let session = ("/api/*", "/api/{path}");
    for (open, protected, first) in [
        (("/open/*", "/{path}"), session, "/open/api/y"),
        (("/o/{a}/{b}", "/{a}/{b}"), session, "/o/api/y"),
        (("/e", "/api/admin"), session, "/e"),
        (("/e/{id}", "/api/{id}"), session, "/e/y"),
        (("/e/{id}", "/api/x-{id}"), session, "/e/y"),
        (("/e/{id}", "/{id}/list"), ("/s/{a}", "/{a}/list"), "/e/y"),
        (("/e/{id}", "/{id}/{id}"), ("/s/{a}", "/{a}/b"), "/e/b"),
        (("/e/{id}", "/{id}/{id}"), ("/s/{a}", "/b/{a}"), "/e/b"),
        (("/e/{a}", "/x-{a}"), ("/s/{b}", "/{b}-z"), "/e/yyyyy-z"),
        (("/e/{a}", "/x-{a}"), ("/s", "/x-1"), "/e/1"),
        (("/e", "/x-1"), ("/s/{a}", "/x-{a}"), "/e"),
        (("/e/{a}", "/ab{a}"), ("/s/{b}", "/a{b}"), "/e/y"),
        (("/e/*", "/v1/{path}"), ("/s", "/v1/"), "/e/"),
        (("/e/*", "/v1"), ("/s", "/v1"), "/e/y"),
        (
            ("/api/health", "preserve"),
            ("/api/*", "preserve"),
            "/api/health",
        ),
        (("/*", "preserve"), session, "/api/y"),
        (
            ("/{a}/{b}/*", "/{b}/{a}/{path}"),
            ("/s/*", "/1/2/{path}"),
            "/2/1/y",
        ),
    ] {
        let found = requests(open, protected, "/base");
        let found = found.first().map(String::as_str);
        assert_eq!(found, Some(first), "{open:?} {protected:?}");
    }
}

#[test]
fn ways_that_lead_to_different_paths_do_not_meet() {
    for (open, protected) in [
        (("/open/*", "/public/{path}"), ("/api/*", "/api/{path}")),
        (("/open", "/api"), ("/api/*", "/api/{path}")),
        (("/o/{id}", "/v1/{id}"), ("/s/{id}", "/v1/{id}/x")),
        (("/o/{id}", "/v1/{id}"), ("/s/", "/v1/")),
        (("/o/{id}", "/a{id}"), ("/s/{id}", "/b{id}")),
        (("/o/{id}", "/a{id}"), ("/s", "/a")),
        (("/o/{id}", "/{id}/{id}"), ("/s", "/a/b")),
        (("/e", "/v1"), ("/s/*", "/v1/{path}")),
    ] {
        assert!(
            requests(open, protected, "").is_empty(),
            "{open:?} {protected:?}"
        );
    }
}

#[test]
fn examples_come_in_every_length() {
    let found = requests(("/o/*", "/{path}"), ("/s/*", "/a/{path}"), "");
    assert_eq!(
        found,
        [
            "/o/a/y",
            "/o/a/",
            "/o/a/y/y",
            "/o/a/y/",
            "/o/a/y/y/y",
            "/o/a/y/y/"
        ]
    );
}
