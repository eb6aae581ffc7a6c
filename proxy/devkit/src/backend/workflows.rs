//! The analytics backend's data: workflows of the caller.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde_json::{Map, Value, json};

use super::Caller;
use super::start::Service;

/// `GET .../workflows`.
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    Extension(caller): Extension<Caller>,
) -> Json<Map<String, Value>> {
    let workflow = |id: &str, name: &str, runs: u32| json!({"id": id, "name": name, "runs": runs, "owner": caller.claim("sub")});
    let workflows = json!([
        workflow("onboarding", "Onboarding of new staff", 128),
        workflow("invoices", "Checking of invoices", 2_048),
        workflow("access-review", "Quarterly access review", 12),
    ]);
    let mut answer = caller.answer(&service);
    answer.insert("workflows".to_owned(), workflows);
    Json(answer)
}
