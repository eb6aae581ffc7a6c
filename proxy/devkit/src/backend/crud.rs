//! The crud backend's data: items that callers create.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Caller;
use super::rejection::error;
use super::start::Service;
use crate::locked::locked;

const MOST_ITEMS: usize = 1_000;
const LONGEST_NAME: usize = 200;

/// What a caller sends to create an item.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewItem {
    name: String,
}

/// An item as it is kept and answered.
#[derive(Clone, Serialize)]
struct Item {
    id: u64,
    name: String,
    owner: Value,
}

/// The items, in the order in which they were created.
pub(super) struct Items(Mutex<BTreeMap<u64, Item>>);

impl Default for Items {
    fn default() -> Self {
        let first = Item {
            id: 1,
            name: "A first item".to_owned(),
            owner: "devkit".into(),
        };
        Self(Mutex::new(BTreeMap::from([(first.id, first)])))
    }
}

impl Items {
    /// The new item; none when there is no room.
    fn add(&self, name: String, owner: Value) -> Option<Item> {
        let mut items = locked(&self.0);
        if items.len() >= MOST_ITEMS {
            return None;
        }
        let id = items.last_key_value().map_or(1, |(id, _)| id + 1);
        let item = Item { id, name, owner };
        items.insert(id, item.clone());
        Some(item)
    }
}

/// `GET .../items`.
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    Extension(caller): Extension<Caller>,
) -> Response {
    let items: Vec<Item> = locked(&service.items.0).values().cloned().collect();
    let mut answer = caller.answer(&service);
    answer.insert("items".to_owned(), json!(items));
    Json(answer).into_response()
}

/// `GET .../items/{id}`.
pub(super) async fn read(
    State(service): State<Arc<Service>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let item = id
        .parse::<u64>()
        .ok()
        .and_then(|id| locked(&service.items.0).get(&id).cloned());
    let Some(item) = item else {
        return error(StatusCode::NOT_FOUND, "not_found", "there is no such item");
    };
    let mut answer = caller.answer(&service);
    answer.insert("item".to_owned(), json!(item));
    Json(answer).into_response()
}

/// `POST .../items` with `{"name": "..."}`.
pub(super) async fn create(
    State(service): State<Arc<Service>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NewItem>, JsonRejection>,
) -> Response {
    let name = match body {
        Ok(Json(item)) => item.name.trim().to_owned(),
        Err(problem) => return error(problem.status(), "invalid_item", &problem.body_text()),
    };
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        let problem = "name must have 1 to 200 characters";
        return error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_item", problem);
    }
    let Some(item) = service.items.add(name, caller.claim("sub")) else {
        let problem = "there are 1000 items; restart devkit to begin anew";
        return error(StatusCode::INSUFFICIENT_STORAGE, "full", problem);
    };
    let location = format!("{}/items/{}", service.base_path, item.id);
    let mut answer = caller.answer(&service);
    answer.insert("item".to_owned(), json!(item));
    (
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(answer),
    )
        .into_response()
}
