//! What holds between routes: ids of their own, no overlap, no encoded slash in vain, no way
//! around a session.

use tokenbridge_bridge::route::{Overlap, Route, RouteTable};

use super::exposure;
use super::route::RouteDraft;
use super::service::ServiceDraft;
use crate::reading::place::At;

/// Compiles the routes. Those that are right are compared although others are wrong.
pub(crate) fn compile(
    drafts: Vec<RouteDraft<'_>>,
    services: &[ServiceDraft<'_>],
) -> Option<RouteTable> {
    check_ids(&drafts);
    let all = drafts.len();
    let mut routes: Vec<Route> = Vec::with_capacity(all);
    let mut places: Vec<(At<'_>, Box<str>)> = Vec::with_capacity(all);
    let mut open: Vec<exposure::Place<'_>> = Vec::with_capacity(all);
    for draft in drafts {
        if let Some(route) = draft.route {
            open.push(exposure::Place {
                at: draft.at.clone(),
                means_it: draft.means_open,
            });
            places.push((draft.at, route.id.clone()));
            routes.push(route);
        }
    }
    check_encoded_slashes(&routes, &places);
    let complete = routes.len() == all;
    match RouteTable::compile(routes) {
        Ok(table) => {
            exposure::check(&table, &open, services);
            complete.then_some(table)
        }
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

/// The table takes an encoded slash only where the path with a plain one matches the same route;
/// without a tail there is no such path.
fn check_encoded_slashes(routes: &[Route], places: &[(At<'_>, Box<str>)]) {
    for (route, (at, _)) in routes.iter().zip(places) {
        if route.keep_encoded_slash && !route.pattern.has_tail() {
            at.below_key("encoded_slash").error(
                "is `keep` on a path without a tail, where it lets nothing through",
                "end the path in `*`, or write `refuse`",
            );
        }
    }
}
