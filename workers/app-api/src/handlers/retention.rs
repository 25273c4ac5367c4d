//! How long an org keeps what it has.

use slipway_contract::http::retention::{AUDIT_DAYS_MIN, RETENTION_DAYS_MAX, Retention};
use slipway_contract::{Actor, OrgId, Problem};
use slipway_domain::orgs::{Deed, may};
use slipway_store::{audit, retention};

use crate::errand::Errand;
use crate::extract::{Body, OrgMember};
use crate::refusal::Refusal;
use crate::reply::Json;

/// How long the org keeps what it has. Admins and owners.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/retention", operation_id = "read_retention", tag = "retention",
    params(("org" = OrgId, Path)),
    responses((status = 200, body = Retention), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn read(mut member: OrgMember) -> Result<Json<Retention>, Refusal> {
    may(member.role, Deed::SetRetention)?;
    Ok(Json::ok(retention::get(&mut member.db).await?))
}

/// Says how long the org keeps what it has, in the place of what stood. What is older goes within minutes. Admins and owners.
#[utoipa::path(
    put, path = "/v1/orgs/{org}/retention", operation_id = "set_retention", tag = "retention",
    params(("org" = OrgId, Path)), request_body = Retention,
    responses((status = 200, body = Retention), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn set(
    errand: Errand,
    mut member: OrgMember,
    Body(asked): Body<Retention>,
) -> Result<Json<Retention>, Refusal> {
    may(member.role, Deed::SetRetention)?;
    for (field, days, least) in [
        ("chat_days", asked.chat_days, 1),
        ("artifact_days", asked.artifact_days, 1),
        ("attachment_days", asked.attachment_days, 1),
        ("audit_days", asked.audit_days, AUDIT_DAYS_MIN),
        ("turn_days", asked.turn_days, 1),
    ] {
        if days.is_some_and(|days| !(least..=RETENTION_DAYS_MAX).contains(&days)) {
            let detail = format!("must be {least} to {RETENTION_DAYS_MAX}, or null");
            return Err(Problem::field(field, detail).into());
        }
    }
    retention::set(&mut member.db, asked).await?;
    let days = |days: Option<u32>| days.map_or_else(|| "for ever".to_owned(), |days| format!("{days} days"));
    let entry = audit::Entry {
        key: format!("{}:retention", errand.id()),
        actor: Actor::User { id: member.user },
        action: "retention.set",
        subject: member.db.org().to_string(),
        detail: format!(
            "chats {}, artifacts {}, attachments {}, audit log {}, turns {}",
            days(asked.chat_days),
            days(asked.artifact_days),
            days(asked.attachment_days),
            days(asked.audit_days),
            days(asked.turn_days),
        ),
    };
    audit::append(&mut member.db, &entry).await?;
    member.db.commit().await?;
    Ok(Json::ok(asked))
}
