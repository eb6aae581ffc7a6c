use super::*;
use crate::target::EncodedSlash;

fn route(id: &str, path: &str, upstream: &str, methods: &[Method]) -> Route {
    let pattern = PathPattern::parse(path).unwrap();
    let upstream_path = UpstreamPath::parse(upstream, &pattern, "").unwrap();
    Route {
        id: id.into(),
        pattern,
        methods: match methods {
            [] => Methods::Any,
            list => Methods::Only(list.to_vec()),
        },
        service: ServiceName::new("s"),
        service_index: 0,
        upstream_path,
        auth: RouteAuth::Session,
        streaming: false,
        limits: RouteLimits::default(),
        keep_encoded_slash: false,
        pass_headers: Vec::new(),
        timeout: None,
        description: None,
    }
}

fn target(text: &str) -> RequestTarget {
    RequestTarget::parse(text.as_bytes(), EncodedSlash::Keep).unwrap()
}

fn table(paths: &[(&str, &str, &str)]) -> RouteTable {
    let routes = paths
        .iter()
        .map(|(id, path, upstream)| route(id, path, upstream, &[]))
        .collect();
    RouteTable::compile(routes).unwrap()
}

fn found(table: &RouteTable, text: &str) -> Option<(String, String)> {
    let target = target(text);
    let found = table.matches(&target, &Method::GET).ok()?;
    let upstream = found.upstream_target(&target);
    assert!(found.asks_for(&target, upstream.as_bytes()), "{upstream}");
    for other in [&format!("{upstream}x"), upstream.split_at(1).1, "", "/"] {
        assert_eq!(
            found.asks_for(&target, other.as_bytes()),
            *other == upstream
        );
    }
    Some((found.route.id.to_string(), upstream))
}

const PATHS: [(&str, &str, &str); 8] = [
    ("all", "/*", "/app/{path}"),
    ("tail", "/api/v1/analytics/*", "/api/v1/analytics/{path}"),
    ("exact", "/api/v1/analytics/status", "/status"),
    ("parameter", "/api/v1/{service}/info", "/info/{service}"),
    ("deep", "/api/v1/{service}/{id}/*", "/{id}/{service}/{path}"),
    ("literal", "/api/v1/crud/info", "/crud-info"),
    ("slash", "/api/v1/crud/", "/index"),
    ("short", "/api/v1/crud", "/short"),
];

#[test]
fn the_most_specific_route_wins_whatever_the_order_in_the_file() {
    let mut reversed = PATHS;
    reversed.reverse();
    for table in [table(&PATHS), table(&reversed)] {
        for (path, id, upstream) in [
            ("/", "all", "/app/"),
            ("/x/y", "all", "/app/x/y"),
            ("/api/v1/analytics/", "tail", "/api/v1/analytics/"),
            (
                "/api/v1/analytics/a/b?q=%2f&q=",
                "tail",
                "/api/v1/analytics/a/b?q=%2f&q=",
            ),
            ("/api/v1/analytics", "all", "/app/api/v1/analytics"),
            ("/api/v1/analytics/status", "exact", "/status"),
            ("/api/v1/pdp/info", "parameter", "/info/pdp"),
            ("/api/v1/crud/info", "literal", "/crud-info"),
            ("/api/v1/crud/7/x/y", "deep", "/7/crud/x/y"),
            ("/api/v1/crud/info/z", "deep", "/info/crud/z"),
            ("/api/v1/crud/", "slash", "/index"),
            ("/api/v1/crud", "short", "/short"),
        ] {
            assert_eq!(
                found(&table, path),
                Some((id.into(), upstream.into())),
                "{path}"
            );
        }
    }
}

#[test]
fn queries_take_no_part_in_matching() {
    let table = table(&[("a", "/a", "/a")]);
    assert_eq!(found(&table, "/a?/b"), Some(("a".into(), "/a?/b".into())));
    assert_eq!(found(&table, "/b?/a"), None);
}

#[test]
fn a_method_that_is_not_taken_is_told_which_are() {
    let table = RouteTable::compile(vec![
        route("read", "/a", "/a", &[Method::GET]),
        route("write", "/a", "/a", &[Method::POST]),
        route("rest", "/*", "/{path}", &[]),
    ])
    .unwrap();
    let target = target("/a");
    assert_eq!(
        &*table.matches(&target, &Method::HEAD).unwrap().route.id,
        "read"
    );
    assert_eq!(
        &*table.matches(&target, &Method::POST).unwrap().route.id,
        "write"
    );
    assert_eq!(
        table.matches(&target, &Method::DELETE).unwrap_err(),
        NoRoute::MethodNotAllowed(vec![Method::GET, Method::HEAD, Method::POST])
    );
}

#[test]
fn the_same_shape_twice_is_an_overlap_only_when_methods_meet() {
    let overlap = |first: &[Method], second: &[Method]| {
        let routes = vec![
            route("a", "/x/{a}", "/", first),
            route("o", "/*", "/", &[]),
            route("b", "/x/{b}", "/", second),
        ];
        RouteTable::compile(routes).err()
    };
    let both = Some(vec![Overlap {
        first: 0,
        second: 2,
    }]);
    assert_eq!(overlap(&[], &[]), both);
    assert_eq!(overlap(&[Method::GET], &[]), both);
    assert_eq!(overlap(&[Method::GET], &[Method::GET, Method::PUT]), both);
    assert_eq!(overlap(&[Method::GET], &[Method::PUT]), None);
}

#[test]
fn an_encoded_slash_matches_only_where_both_readings_match_a_route_that_keeps_it() {
    let mut keeping = route("keep", "/k/*", "/k/{path}", &[]);
    keeping.keep_encoded_slash = true;
    let mut one_segment = route("one", "/o/{id}", "/o/{id}", &[]);
    one_segment.keep_encoded_slash = true;
    let all = route("all", "/*", "/{path}", &[]);
    let admin = route("admin", "/k/admin/*", "/admin/{path}", &[]);
    let table = RouteTable::compile(vec![keeping, one_segment, all, admin]).unwrap();
    let kept = Some(("keep".into(), "/k/a%2Fb".into()));
    assert_eq!(found(&table, "/k/a%2Fb"), kept);
    for path in [
        "/x/a%2Fb",
        "/o/a%2Fb",
        "/k/admin%2Fb",
        "/k/..%2Fb",
        "/k/a%2F/b",
    ] {
        assert_eq!(found(&table, path), None, "{path}");
    }
}
