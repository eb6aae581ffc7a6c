//! What holds between routes: ids of their own, no overlap, no ambiguous encoded slash.

use tokenbridge_bridge::pattern::{PathPattern, Segment};
use tokenbridge_bridge::route::{Overlap, Route, RouteTable};

use super::route::RouteDraft;
use crate::reading::section::At;

/// Compiles the routes. Those that are right are compared although others are wrong.
pub(crate) fn compile(drafts: Vec<RouteDraft<'_>>) -> Option<RouteTable> {
    check_ids(&drafts);
    let all = drafts.len();
    let mut routes: Vec<Route> = Vec::with_capacity(all);
    let mut places: Vec<(At<'_>, Box<str>)> = Vec::with_capacity(all);
    for draft in drafts {
        if let Some(route) = draft.route {
            places.push((draft.at, route.id.clone()));
            routes.push(route);
        }
    }
    check_encoded_slashes(&routes, &places);
    let complete = routes.len() == all;
    match RouteTable::compile(routes) {
        Ok(table) => complete.then_some(table),
        Err(overlaps) => {
            overlaps
                .iter()
                .for_each(|overlap| note_overlap(overlap, &places));
            None
        }
    }
}

fn check_ids(drafts: &[RouteDraft<'_>]) {
    let mut seen: Vec<(&str, Option<u32>)> = Vec::with_capacity(drafts.len());
    for (id, at) in drafts.iter().filter_map(|draft| draft.id.as_ref()) {
        match seen.iter().find(|(other, _)| other == id) {
            Some((_, line)) => {
                let line = line
                    .map(|line| format!(", first in line {line}"))
                    .unwrap_or_default();
                at.error(
                    format!("`{id}` stands twice{line}"),
                    "give each route an id of its own",
                );
            }
            None => seen.push((id, at.line)),
        }
    }
}

fn note_overlap(overlap: &Overlap, places: &[(At<'_>, Box<str>)]) {
    let (Some((at, _)), Some((first, id))) =
        (places.get(overlap.second), places.get(overlap.first))
    else {
        return;
    };
    let line = first
        .line
        .map(|line| format!(" (line {line})"))
        .unwrap_or_default();
    at.below_key("path").error(
        format!("matches the same requests as route `{id}`{line}"),
        "write another path, or give both `methods` that do not meet",
    );
}

/// `encoded_slash: keep` is safe only where a reader that decodes `%2F` finds the same route.
fn check_encoded_slashes(routes: &[Route], places: &[(At<'_>, Box<str>)]) {
    for ((route, (at, _)), index) in routes.iter().zip(places).zip(0..) {
        if !route.keep_encoded_slash {
            continue;
        }
        let at = at.below_key("encoded_slash");
        if !route.pattern.has_tail() {
            at.error(
                "is `keep` on a path without a tail",
                "end the path in `*`, or write `refuse`: a decoded slash would lead to another route",
            );
            continue;
        }
        let others = routes
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index);
        for (_, other) in others.filter(|(_, other)| lies_below(&route.pattern, &other.pattern)) {
            at.error(
                format!(
                    "is `keep`, but with the slash decoded a request may be for route `{}`",
                    other.id
                ),
                "write `refuse`, or move one of the two routes to another prefix",
            );
        }
    }
}

/// Whether some path matches `other` as well as the tail pattern `outer`, and `other` is more
/// specific: it has at least the segments of `outer` before its tail, each of them compatible.
fn lies_below(outer: &PathPattern, other: &PathPattern) -> bool {
    let prefix = outer
        .segments()
        .split_last()
        .map(|(_, prefix)| prefix)
        .unwrap_or_default();
    if other == outer || other.segments().len() <= prefix.len() {
        return false;
    }
    prefix.iter().zip(other.segments()).all(|pair| match pair {
        (Segment::Literal(left), Segment::Literal(right)) => left == right,
        (Segment::Literal(_) | Segment::Parameter(_), Segment::Parameter(_))
        | (Segment::Parameter(_), Segment::Literal(_)) => true,
        (Segment::Tail, _) | (_, Segment::Tail) => false,
    })
}
