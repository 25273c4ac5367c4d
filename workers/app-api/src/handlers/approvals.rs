//! Approvals: the inbox of an org comes from the index, a decision goes to the chat that asks.

use slipway_contract::http::approvals::{Approval, ApprovalPolicy, ApprovalsQuery, DecideApproval};
use slipway_contract::http::page::{Page, PageQuery};
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{ApprovalId, OrgId, Problem, limits};
use slipway_domain::orgs::{Deed, may};
use slipway_store::{approval_policies, approvals, members};

use crate::chat_object;
use crate::extract::{Body, ChatParty, Ids, OrgMember, Query};
use crate::paging;
use crate::refusal::Refusal;
use crate::reply::{Json, Passed};

/// Most people that an approval can need.
const QUORUM: u8 = 5;

/// The approvals of the chats that the caller takes part in, the newest first. It may lag the chats themselves by seconds.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/approvals", operation_id = "list_approvals", tag = "approvals",
    params(("org" = OrgId, Path), ApprovalsQuery),
    responses((status = 200, body = Page<Approval>), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn list(
    mut member: OrgMember,
    Query(query): Query<ApprovalsQuery>,
) -> Result<Json<Page<Approval>>, Refusal> {
    let wanted = paging::wanted(&PageQuery { limit: query.limit, cursor: query.cursor })?;
    let found = approvals::list(&mut member.db, member.user, query.state, &wanted).await?;
    Ok(Json::ok(paging::page(found, |approval| (approval.asked_at, approval.id))))
}

/// Decides about what somebody asks. The same again gets the same answer. Agents and guests never decide.
#[utoipa::path(
    post, path = "/v1/approvals/{approval}/decision", operation_id = "decide_approval", tag = "approvals",
    params(("approval" = ApprovalId, Path)), request_body = DecideApproval,
    responses((status = 200, body = Approval), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn decide(
    at: ChatParty,
    Ids(approval): Ids<ApprovalId>,
    Body(decision): Body<DecideApproval>,
) -> Result<Passed, Refusal> {
    let ChatParty { party, mut db } = at;
    party.acts()?;
    let reason = decision.reason.as_deref().map(str::chars).map_or(0, Iterator::count);
    if reason > limits::REASON_CHARS {
        let detail = format!("must have at most {} characters", limits::REASON_CHARS);
        return Err(Problem::field("reason", detail).into());
    }
    // The chat counts who else could answer, and knows no roles.
    let guests = members::guests_of(&mut db, party.chat).await?;
    drop(db);
    let command = ChatCommand::Decide { approval, decision, guests };
    chat_object::pass(&party.errand, party.chat, Some(party.org), party.caller.actor(), command).await
}

/// How many people must approve in this org, and whether one's own asks count.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/approval-policy", operation_id = "read_approval_policy", tag = "approvals",
    params(("org" = OrgId, Path)),
    responses((status = 200, body = ApprovalPolicy), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn read_policy(mut member: OrgMember) -> Result<Json<ApprovalPolicy>, Refusal> {
    Ok(Json::ok(approval_policies::get(&mut member.db).await?))
}

/// Sets that, for what is asked from now on.
#[utoipa::path(
    put, path = "/v1/orgs/{org}/approval-policy", operation_id = "set_approval_policy", tag = "approvals",
    params(("org" = OrgId, Path)), request_body = ApprovalPolicy,
    responses((status = 200, body = ApprovalPolicy), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn set_policy(
    mut member: OrgMember,
    Body(policy): Body<ApprovalPolicy>,
) -> Result<Json<ApprovalPolicy>, Refusal> {
    may(member.role, Deed::SetApprovalPolicy)?;
    check(policy)?;
    approval_policies::set(&mut member.db, &policy).await?;
    member.db.commit().await?;
    Ok(Json::ok(policy))
}

fn check(policy: ApprovalPolicy) -> Result<(), Problem> {
    if (1..=QUORUM).contains(&policy.quorum) {
        Ok(())
    } else {
        Err(Problem::field("quorum", format!("must be 1 to {QUORUM}")))
    }
}

#[cfg(test)]
mod tests {
    use slipway_contract::approval::SelfApproval;

    use super::*;

    #[test]
    fn a_quorum_is_one_to_five_people() {
        for (quorum, fits) in [(0, false), (1, true), (5, true), (6, false)] {
            let policy = ApprovalPolicy { quorum, self_approval: SelfApproval::Never };
            assert_eq!(check(policy).is_ok(), fits, "{quorum}");
        }
    }
}
