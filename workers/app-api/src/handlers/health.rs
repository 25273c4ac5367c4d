//! Whether the API answers.

use slipway_contract::http::health::Health;

use crate::errand::Errand;
use crate::reply::Json;

/// Whether this Worker runs. It says nothing about what it depends on.
#[utoipa::path(get, path = "/v1/health", operation_id = "health", tag = "meta", security(()), responses((status = 200, body = Health)))]
pub(crate) async fn read(_: Errand) -> Json<Health> {
    Json::ok(Health { status: "ok".to_owned() })
}
