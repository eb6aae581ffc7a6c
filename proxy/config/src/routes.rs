//! `routes.yaml`, read and checked by itself.
//!
//! | module | owns |
//! |---|---|
//! | [`service`] | `services.<name>` |
//! | [`route`] | one entry of `routes` |
//! | [`exposure`] | open routes that lead to what a session route protects |
//! | [`headers`] | `pass_headers` |
//! | [`table`] | what holds between routes: ids, overlaps, encoded slashes |

mod exposure;
mod headers;
pub(crate) mod route;
pub(crate) mod service;
mod table;

use tokenbridge_bridge::route::RouteTable;

use crate::reading::section::{Item, Section};

/// Everything of `routes.yaml`.
pub(crate) struct Routes<'r> {
    pub(crate) services: Vec<service::ServiceDraft<'r>>,
    /// Absent when a route is wrong.
    pub(crate) table: Option<RouteTable>,
}

/// Reads the whole file.
pub(crate) fn read<'r>(root: &Section<'r>) -> Routes<'r> {
    let fix = "add `services:` with a name and its base_url below it";
    let services = root.require("services", fix).and_then(Item::section);
    let services = services
        .map(|section| service::read_all(&section))
        .unwrap_or_default();
    let Some(item) = root.require("routes", "add `routes:` with at least one route") else {
        return Routes {
            services,
            table: None,
        };
    };
    if item.is_empty_list() {
        item.at.error(
            "holds no route",
            "add at least one, with id, path, target_service and upstream_path",
        );
    }
    let items = item.list();
    let drafts = items
        .into_iter()
        .filter_map(|item| route::read(item, &services))
        .collect();
    let table = table::compile(drafts, &services);
    Routes { services, table }
}
