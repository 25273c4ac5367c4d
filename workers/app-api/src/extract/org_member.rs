//! A member at work in the org of the path, with the transaction that sees this org's rows and no others.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use slipway_contract::http::orgs::Role;
use slipway_contract::{OrgId, Problem, ProblemCode, UserId};
use slipway_edge::log::Line;
use slipway_store::{OrgDb, members};
use worker::send::SendFuture;

use super::{Caller, org_header};
use crate::errand::Errand;
use crate::refusal::Refusal;

/// Proof that the caller is a member of the org.
pub(crate) struct OrgMember {
    pub(crate) user: UserId,
    pub(crate) role: Role,
    /// Open since the membership was read; what is not committed is dropped.
    pub(crate) db: OrgDb,
}

/// Somebody who names an org, in the path and the header alike. That they are in it is not proved.
pub(crate) struct OrgNamed {
    pub(crate) caller: Caller,
    pub(crate) org: OrgId,
}

impl<S: Sync + Send> FromRequestParts<S> for OrgNamed {
    type Rejection = Refusal;

    fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> impl Future<Output = Result<Self, Refusal>> + Send {
        SendFuture::new(async move {
            let errand = Errand::from_request_parts(parts, state).await?;
            let caller = Caller::from_request_parts(parts, state).await?;
            let path = path_org(parts, state).await?;
            let org = org_header::agreed(&errand, parts, path)?;
            Ok(Self { caller, org })
        })
    }
}

impl<S: Sync + Send> FromRequestParts<S> for OrgMember {
    type Rejection = Refusal;

    fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> impl Future<Output = Result<Self, Refusal>> + Send {
        SendFuture::new(async move {
            let OrgNamed { caller, org } = OrgNamed::from_request_parts(parts, state).await?;
            let errand = Errand::from_request_parts(parts, state).await?;
            let db = errand.dial().await?.org(org);
            enter(&errand, db, caller.user).await
        })
    }
}

/// The caller's membership of the transaction's org. To others it looks as if there were no such org.
pub(crate) async fn enter(errand: &Errand, mut db: OrgDb, user: UserId) -> Result<OrgMember, Refusal> {
    match members::find(&mut db, user).await? {
        Some(membership) => Ok(OrgMember { user, role: membership.role, db }),
        None => Err(denied(errand)),
    }
}

/// What looks like absence from outside.
pub(crate) fn denied(errand: &Errand) -> Refusal {
    errand.line(Line::warn("org_context_access_denied")).emit();
    ProblemCode::NotFound.into()
}

async fn path_org<S: Sync + Send>(parts: &mut Parts, state: &S) -> Result<OrgId, Problem> {
    let wrong = || Problem::new(ProblemCode::InvalidParameter).detail("the path must name an org by its id");
    let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| wrong())?;
    let org = params.iter().find(|(name, _)| *name == "org").and_then(|(_, value)| value.parse().ok());
    org.ok_or_else(wrong)
}
