//! The caller, to themselves.

use slipway_contract::Problem;
use slipway_contract::http::orgs::Me;
use slipway_domain::orgs::ORGS_PER_PERSON;
use slipway_store::page::Page;
use slipway_store::{StoreError, memberships, users};

use crate::errand::Errand;
use crate::extract::Caller;
use crate::refusal::Refusal;
use crate::reply::Json;

/// The caller and the orgs they are in.
#[utoipa::path(
    get, path = "/v1/me", operation_id = "me", tag = "identity",
    responses((status = 200, body = Me), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn read(errand: Errand, caller: Caller) -> Result<Json<Me>, Refusal> {
    let mut db = errand.dial().await?.memberships(caller.user);
    let user = users::find(&mut db).await.map_err(gone)?;
    let limit = u32::try_from(ORGS_PER_PERSON).unwrap_or(u32::MAX);
    let orgs = memberships::orgs(&mut db, &Page { limit, after: None }).await?;
    Ok(Json::ok(Me { user, orgs: orgs.items }))
}

/// A token of an account that is not there any more is no token.
pub(super) fn gone(error: StoreError) -> Refusal {
    match error {
        StoreError::NotFound { .. } => slipway_contract::ProblemCode::Unauthenticated.into(),
        StoreError::Unavailable { .. }
        | StoreError::Overtaken { .. }
        | StoreError::Conflict(_)
        | StoreError::Internal { .. } => error.into(),
    }
}
