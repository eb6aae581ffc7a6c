//! A route's pattern, its upstream template and a request for it, one per line of the input.

use http::Method;
use tokenbridge_bridge::pattern::{PathPattern, UpstreamPath};
use tokenbridge_bridge::route::{Methods, Route, RouteAuth, RouteLimits, RouteTable};
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::target::{EncodedSlash, RequestTarget};

/// What matches stays below where its route leads.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let (pattern, template) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let Ok(pattern) = PathPattern::parse(pattern) else {
        return;
    };
    assert_eq!(PathPattern::parse(pattern.as_str()).as_ref(), Ok(&pattern));
    let upstream_path = match UpstreamPath::parse(template, &pattern, "/base") {
        Ok(upstream_path) => upstream_path,
        Err(_) => UpstreamPath::preserved("/base"),
    };
    let table = RouteTable::compile(vec![route(pattern, upstream_path)]);
    let table = table.expect("one route overlaps with nothing");
    for line in lines {
        let Ok(target) = RequestTarget::parse(line.as_bytes(), EncodedSlash::Refuse) else {
            continue;
        };
        if let Ok(found) = table.matches(&target, &Method::GET) {
            let asked = found.upstream_target(&target);
            let below = asked.strip_prefix("/base");
            let below = below.unwrap_or_else(|| panic!("{asked:?} left its base"));
            // A template may have an encoded slash of the operator's own.
            let sent = RequestTarget::parse(below.as_bytes(), EncodedSlash::Keep);
            let sent = sent.unwrap_or_else(|problem| panic!("{asked:?}: {problem}"));
            assert_eq!(sent.as_str(), below, "the upstream reads it as it is");
            assert_eq!(sent.query(), target.query());
        }
    }
}

fn route(pattern: PathPattern, upstream_path: UpstreamPath) -> Route {
    Route {
        id: "only".into(),
        pattern,
        methods: Methods::Any,
        service: ServiceName::new("service"),
        service_index: 0,
        upstream_path,
        auth: RouteAuth::None,
        streaming: false,
        limits: RouteLimits::default(),
        keep_encoded_slash: false,
        pass_headers: Vec::new(),
        timeout: None,
        description: None,
    }
}
