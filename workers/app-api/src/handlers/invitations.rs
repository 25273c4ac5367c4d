//! Invitations: made by admins, shown to whoever holds the link, accepted once by the one who was invited.

use slipway_contract::http::invitations::{
    AcceptedInvitation, CreateInvitation, Invitation, InvitationPreview, NewInvitation,
};
use slipway_contract::http::page::{Page, PageQuery};
use slipway_contract::{InvitationId, OrgId, Problem, ProblemCode, Timestamp};
use slipway_domain::identity as rules;
use slipway_domain::orgs::{Deed, INVITATION_LIFE_MS, may, may_invite};
use slipway_edge::ids;
use slipway_edge::log::Line;
use slipway_store::invitations::{self, Offer};
use slipway_store::{members, users};

use crate::errand::Errand;
use crate::extract::{Body, Caller, Ids, OrgMember, Query};
use crate::identity::digest;
use crate::paging;
use crate::refusal::Refusal;
use crate::reply::{Done, Json};
use crate::settings::Settings;

/// The open invitations of the org, oldest first.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/invitations", operation_id = "list_invitations", tag = "invitations", params(("org" = OrgId, Path), PageQuery),
    responses((status = 200, body = Page<Invitation>), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn list(
    errand: Errand,
    mut member: OrgMember,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Invitation>>, Refusal> {
    may(member.role, Deed::SeeInvitations)?;
    let found = invitations::list(&mut member.db, &paging::wanted(&query)?, errand.now()).await?;
    Ok(Json::ok(paging::page(found, |invitation| invitation.id)))
}

/// Invites somebody. The answer holds the link, and nothing else ever will.
#[utoipa::path(
    post, path = "/v1/orgs/{org}/invitations", operation_id = "create_invitation", tag = "invitations", params(("org" = OrgId, Path)),
    request_body = CreateInvitation,
    responses((status = 201, body = NewInvitation), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn create(
    errand: Errand,
    mut member: OrgMember,
    Body(asked): Body<CreateInvitation>,
) -> Result<Json<NewInvitation>, Refusal> {
    let email = rules::email(&asked.email)?;
    may_invite(member.role, asked.role)?;
    let token = digest::invitation_token(member.db.org(), ids::random());
    let new = invitations::NewInvitation {
        id: ids::fresh(),
        email: &email,
        role: asked.role,
        token_hash: &digest::hex(&token),
        by: member.user,
        expires_at: errand.now().plus_ms(INVITATION_LIFE_MS),
    };
    let invitation = invitations::create(&mut member.db, &new, errand.now()).await?;
    member.db.commit().await?;
    let base = Settings::of(errand.env())?.public_url.as_str();
    let url = format!("{}/invite/{token}", base.trim_end_matches('/'));
    Ok(Json::created(NewInvitation { invitation, token, url }))
}

/// Takes an open invitation back.
#[utoipa::path(
    delete, path = "/v1/orgs/{org}/invitations/{invitation}", operation_id = "revoke_invitation", tag = "invitations",
    params(("org" = OrgId, Path), ("invitation" = InvitationId, Path)),
    responses((status = 204), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn revoke(
    errand: Errand,
    mut member: OrgMember,
    Ids((_, invitation)): Ids<(OrgId, InvitationId)>,
) -> Result<Done, Refusal> {
    may(member.role, Deed::SeeInvitations)?;
    if !invitations::revoke(&mut member.db, invitation, member.user, errand.now()).await? {
        return Err(ProblemCode::NotFound.into());
    }
    member.db.commit().await?;
    Ok(Done)
}

/// What the holder of a link is invited to. The link is the proof; no sign-in is needed.
#[utoipa::path(
    get, path = "/v1/invitations/{token}", operation_id = "preview_invitation", tag = "invitations", security(()),
    params(("token" = String, Path, max_length = 64)),
    responses((status = 200, body = InvitationPreview), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn preview(
    errand: Errand,
    Ids(token): Ids<String>,
) -> Result<Json<InvitationPreview>, Refusal> {
    let org = digest::invitation_org(&token).ok_or(ProblemCode::NotFound)?;
    let mut db = errand.dial().await?.org(org);
    let offer = invitations::find(&mut db, &digest::hex(&token)).await?;
    Ok(Json::ok(open(offer.ok_or(ProblemCode::NotFound)?, errand.now())?.preview))
}

/// Accepts an invitation. The caller's address must be the one that was invited.
#[utoipa::path(
    post, path = "/v1/invitations/{token}/accept", operation_id = "accept_invitation", tag = "invitations",
    params(("token" = String, Path, max_length = 64)),
    responses((status = 200, body = AcceptedInvitation), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn accept(
    errand: Errand,
    caller: Caller,
    Ids(token): Ids<String>,
) -> Result<Json<AcceptedInvitation>, Refusal> {
    match take(&errand, caller, &token).await {
        Ok(org) => Ok(Json::ok(AcceptedInvitation { org })),
        Err(refusal) => {
            let code = refusal.problem(errand.id()).code;
            errand.line(Line::warn("invitation_accept_failed")).code(code).emit();
            Err(refusal)
        }
    }
}

async fn take(errand: &Errand, caller: Caller, token: &str) -> Result<OrgId, Refusal> {
    let org = digest::invitation_org(token).ok_or(ProblemCode::NotFound)?;
    errand.is_in(org);
    let mut own = errand.dial().await?.memberships(caller.user);
    let user = users::find(&mut own).await?;
    let mut db = own.end()?.org(org);
    let offer = invitations::lock(&mut db, &digest::hex(token)).await?.ok_or(ProblemCode::NotFound)?;
    if offer.preview.email != user.email {
        return Err(ProblemCode::InvitationForAnother.into());
    }
    // The answer to an earlier acceptance may have been lost.
    if offer.ended && members::find(&mut db, caller.user).await?.is_some() {
        return Ok(org);
    }
    let offer = open(offer, errand.now())?;
    invitations::accept(&mut db, offer.id, caller.user, errand.now()).await?;
    members::join(&mut db, ids::fresh(), caller.user, offer.preview.role, errand.now()).await?;
    db.commit().await?;
    Ok(org)
}

fn open(offer: Offer, now: Timestamp) -> Result<Offer, Problem> {
    if offer.ended || now >= offer.preview.expires_at {
        return Err(ProblemCode::InvitationEnded.into());
    }
    Ok(offer)
}
