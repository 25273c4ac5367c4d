//! Sandboxes of chats: the list comes from Postgres, everything that happens from the orchestrator.

use slipway_contract::approval::ApprovalAsk;
use slipway_contract::http::approvals::Approval;
use slipway_contract::http::page::{Page, PageQuery};
use slipway_contract::http::sandboxes::{CreatePreviewToken, PreviewToken, RequestSandbox, Sandbox};
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::objects::sandboxes::SandboxOperation;
use slipway_contract::sandbox::SandboxState;
use slipway_contract::{Actor, ChatId, Problem, ProblemCode, SandboxId, Timestamp, limits};
use slipway_domain::sandbox::Rules;
use slipway_store::sandboxes::StoredSandbox;
use slipway_store::{OrgDb, StoreError, sandboxes, usage};

use crate::chat_object;
use crate::extract::{Body, ChatParty, Party, Query, SandboxParty};
use crate::paging;
use crate::refusal::Refusal;
use crate::reply::{Json, Passed};

/// The sandboxes of a chat, the newest first. What the executor sees of them is told by each one's own operation.
#[utoipa::path(
    get, path = "/v1/chats/{chat}/sandboxes", operation_id = "list_sandboxes", tag = "sandboxes",
    params(("chat" = ChatId, Path), PageQuery),
    responses((status = 200, body = Page<Sandbox>), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn list(
    at: ChatParty,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Sandbox>>, Refusal> {
    let (mut db, wanted) = (at.db, paging::wanted(&query)?);
    let found = sandboxes::list(&mut db, at.party.chat, &wanted).await?;
    let page = paging::page(found, |sandbox| sandbox.id);
    let items = shown(&mut db, page.items, at.party.errand.now()).await?;
    Ok(Json::ok(Page { items, next_cursor: page.next_cursor }))
}

/// Asks people for a sandbox. It starts once enough of them approve. The same person with the same `client_id` gets the same
/// approval, however it stands by then, and nobody is asked twice.
#[utoipa::path(
    post, path = "/v1/chats/{chat}/sandboxes", operation_id = "request_sandbox", tag = "sandboxes",
    params(("chat" = ChatId, Path)), request_body = RequestSandbox,
    responses((status = 202, body = Approval), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn request(at: ChatParty, Body(asked): Body<RequestSandbox>) -> Result<Passed, Refusal> {
    let ChatParty { party, db } = at;
    drop(db);
    party.acts()?;
    let (chat, user) = (party.chat, party.caller.user);
    let wanted = checked(asked)?;
    let client_id = wanted.client_id.clone();
    let mut reply = match party.call(SandboxOperation::Quote { chat, wanted }).await {
        Ok(quote) if quote.status_code() == 200 => quote,
        refused => {
            // What could be had the first time may be used up by now; what was asked then is asked all the same.
            if let Some(earlier) = earlier(&party, client_id).await? {
                return Ok(earlier.accepted());
            }
            return Ok(Passed::new(refused?));
        }
    };
    let ask = reply.json::<ApprovalAsk>().await.map_err(|_| ProblemCode::Internal)?;
    let command = ChatCommand::RequestApproval { ask: Box::new(ask), by: user, client_id };
    let reply = chat_object::pass(&party.errand, chat, Some(party.org), Actor::System, command).await?;
    Ok(reply.accepted())
}

/// What the caller asked under this client id before.
async fn earlier(party: &Party, client_id: Option<String>) -> Result<Option<Passed>, Refusal> {
    let Some(client_id) = client_id else { return Ok(None) };
    let command = ChatCommand::EarlierApproval { by: party.caller.user, client_id };
    let reply = chat_object::ask(&party.errand, party.chat, Some(party.org), Actor::System, command).await?;
    Ok((reply.status_code() == 200).then(|| Passed::new(reply)))
}

/// A sandbox, with what its executor sees of it now. While that cannot be asked, `live` is absent.
#[utoipa::path(
    get, path = "/v1/sandboxes/{sandbox}", operation_id = "read_sandbox", tag = "sandboxes",
    params(("sandbox" = SandboxId, Path)),
    responses((status = 200, body = Sandbox), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn read(at: SandboxParty) -> Result<Seen, Refusal> {
    let SandboxParty { party, sandbox, mut db } = at;
    match party.call(SandboxOperation::Look { sandbox: sandbox.id }).await {
        Ok(reply) if reply.status_code() < 500 => Ok(Seen::Now(Passed::new(reply))),
        Ok(_) | Err(_) => {
            let known = shown(&mut db, vec![sandbox], party.errand.now()).await?;
            let known = known.into_iter().next().ok_or(ProblemCode::Internal)?;
            Ok(Seen::Before(Json::ok(Box::new(known))))
        }
    }
}

/// How a sandbox stands.
pub(crate) enum Seen {
    /// As the orchestrator says.
    Now(Passed),
    /// As Postgres knows.
    Before(Json<Box<Sandbox>>),
}

impl axum::response::IntoResponse for Seen {
    fn into_response(self) -> axum::response::Response {
        match self {
            Self::Now(passed) => passed.into_response(),
            Self::Before(known) => known.into_response(),
        }
    }
}

/// Ends a sandbox's processes and all access to it. Its files stay. Once more is harmless.
#[utoipa::path(
    post, path = "/v1/sandboxes/{sandbox}/stop", operation_id = "stop_sandbox", tag = "sandboxes",
    params(("sandbox" = SandboxId, Path)),
    responses((status = 200, body = Sandbox), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn stop(at: SandboxParty) -> Result<Passed, Refusal> {
    at.party.acts()?;
    change(at, |sandbox| SandboxOperation::Stop { sandbox }).await
}

/// Removes a sandbox with its files and snapshots; one that runs is stopped before. What was kept as an artifact stays. While
/// its executor cannot be reached the answer is how it stands: it never starts again, and is gone once the executor says so.
/// Once more is harmless.
#[utoipa::path(
    delete, path = "/v1/sandboxes/{sandbox}", operation_id = "destroy_sandbox", tag = "sandboxes",
    params(("sandbox" = SandboxId, Path)),
    responses((status = 200, body = Sandbox), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn destroy(at: SandboxParty) -> Result<Passed, Refusal> {
    at.party.acts()?;
    change(at, |sandbox| SandboxOperation::Destroy { sandbox }).await
}

/// Ends all access to a sandbox's previews. It goes on; new access can be given.
#[utoipa::path(
    post, path = "/v1/sandboxes/{sandbox}/revoke-previews", operation_id = "revoke_previews", tag = "sandboxes",
    params(("sandbox" = SandboxId, Path)),
    responses((status = 200, body = Sandbox), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn revoke_previews(at: SandboxParty) -> Result<Passed, Refusal> {
    at.party.acts()?;
    change(at, |sandbox| SandboxOperation::RevokePreviews { sandbox }).await
}

/// Access to a port by browser, for the caller alone and for 30 minutes.
#[utoipa::path(
    post, path = "/v1/sandboxes/{sandbox}/preview-tokens", operation_id = "create_preview_token", tag = "sandboxes",
    params(("sandbox" = SandboxId, Path)), request_body = CreatePreviewToken,
    responses((status = 201, body = PreviewToken), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn preview_token(
    at: SandboxParty,
    Body(asked): Body<CreatePreviewToken>,
) -> Result<Passed, Refusal> {
    if asked.port == 0 {
        return Err(Problem::field("port", "must be 1 to 65535").into());
    }
    let reply = change(at, |sandbox| SandboxOperation::PreviewToken { sandbox, port: asked.port }).await?;
    Ok(reply.created())
}

async fn change(
    at: SandboxParty,
    operation: impl FnOnce(SandboxId) -> SandboxOperation,
) -> Result<Passed, Refusal> {
    let SandboxParty { party, sandbox, db } = at;
    // The connection is not needed while the orchestrator works.
    drop(db);
    Ok(Passed::new(party.call(operation(sandbox.id)).await?))
}

/// What Postgres knows of sandboxes.
async fn shown(
    db: &mut OrgDb,
    stored: Vec<StoredSandbox>,
    now: Timestamp,
) -> Result<Vec<Sandbox>, StoreError> {
    if stored.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<SandboxId> = stored.iter().map(|sandbox| sandbox.id).collect();
    let seconds = usage::seconds_of(db, &ids, now).await?;
    let mut shown = Vec::with_capacity(stored.len());
    for one in stored {
        let place = match one.sandbox.state() {
            SandboxState::Queued => sandboxes::queue_place(db, one.id).await?,
            SandboxState::Starting
            | SandboxState::Ready
            | SandboxState::Idle
            | SandboxState::Stopping
            | SandboxState::Stopped
            | SandboxState::Destroyed
            | SandboxState::Failed => None,
        };
        let taken = seconds.iter().find(|(id, _)| *id == one.id).map_or(0, |(_, seconds)| *seconds);
        shown.push(sandbox(one, place, taken));
    }
    Ok(shown)
}

fn sandbox(stored: StoredSandbox, place: Option<u64>, seconds: u64) -> Sandbox {
    let machine = stored.sandbox;
    let end = machine.end();
    Sandbox {
        id: stored.id,
        chat: stored.chat,
        state: machine.state(),
        place: place.map(|place| u32::try_from(place).unwrap_or(u32::MAX)),
        epoch: machine.epoch,
        size: stored.size,
        hosts: stored.hosts,
        reason: end.map(|end| end.reason),
        detail: end.and_then(|end| end.detail.clone()),
        created_at: stored.created_at,
        started_at: machine.run().map(|run| run.from),
        stops_at: machine.stops_at(&Rules::default()),
        seconds,
        live: None,
    }
}

/// What can be told of a wish without knowing the org's quotas.
fn checked(asked: RequestSandbox) -> Result<RequestSandbox, Problem> {
    let reason = asked.reason.trim();
    if reason.is_empty() || reason.chars().count() > limits::REASON_CHARS {
        return Err(Problem::field("reason", format!("must have 1 to {} characters", limits::REASON_CHARS)));
    }
    if asked.hosts.len() > limits::HOSTS_PER_SANDBOX {
        return Err(Problem::field("hosts", format!("at most {}", limits::HOSTS_PER_SANDBOX)));
    }
    if asked.client_id.as_ref().is_some_and(|id| !(1..=limits::CLIENT_ID_BYTES).contains(&id.len())) {
        return Err(Problem::field("client_id", format!("must have 1 to {} bytes", limits::CLIENT_ID_BYTES)));
    }
    Ok(RequestSandbox { reason: reason.to_owned(), ..asked })
}

#[cfg(test)]
mod tests {
    use slipway_contract::sandbox::SandboxSize;

    use super::*;

    fn wish(reason: &str, hosts: usize) -> RequestSandbox {
        RequestSandbox {
            size: SandboxSize::Small,
            hosts: vec!["example.com".to_owned(); hosts],
            template: None,
            reason: reason.to_owned(),
            client_id: None,
        }
    }

    #[test]
    fn a_wish_needs_a_reason_and_few_hosts() {
        assert_eq!(checked(wish(" to try \n", 50)).map(|wish| wish.reason), Ok("to try".to_owned()));
        let field = |wish| checked(wish).err().and_then(|problem| problem.field);
        assert_eq!(field(wish(" \n", 0)).as_deref(), Some("reason"));
        assert_eq!(field(wish(&"é".repeat(501), 0)).as_deref(), Some("reason"));
        assert_eq!(field(wish("x", 51)).as_deref(), Some("hosts"));
    }

    #[test]
    fn a_client_id_has_one_to_sixty_four_bytes() {
        let named = |client_id: &str| {
            let wish = RequestSandbox { client_id: Some(client_id.to_owned()), ..wish("x", 0) };
            checked(wish).err().and_then(|problem| problem.field)
        };
        assert_eq!((named("x"), named(&"é".repeat(32))), (None, None));
        assert_eq!(named("").as_deref(), Some("client_id"));
        assert_eq!(named(&"é".repeat(33)).as_deref(), Some("client_id"));
    }
}
