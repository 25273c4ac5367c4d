//! Attachments: files that people put into chats. R2 takes them in, asked by the orchestrator; here is who may do what.

use slipway_contract::http::attachments::{Attachment, AttachmentLink, AttachmentUpload, BeginAttachment};
use slipway_contract::objects::attachments::AttachmentOperation;
use slipway_contract::{AttachmentId, ChatId, Problem, ProblemCode};

use crate::extract::{AttachmentParty, Body, ChatParty, Ids};
use crate::orchestrator;
use crate::refusal::Refusal;
use crate::reply::{Done, Passed};
use crate::upload::Upload;

/// Begins an upload of a file, at most 256 MiB. The same `client_id` again answers the same upload, and how far it is.
#[utoipa::path(
    post, path = "/v1/chats/{chat}/attachments", operation_id = "begin_attachment", tag = "attachments",
    params(("chat" = ChatId, Path)), request_body = BeginAttachment,
    responses((status = 201, body = AttachmentUpload), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn begin(at: ChatParty, Body(wanted): Body<BeginAttachment>) -> Result<Passed, Refusal> {
    let ChatParty { party, db } = at;
    // The connection is not needed while the orchestrator works.
    drop(db);
    let operation = AttachmentOperation::Begin { chat: party.chat, wanted };
    let reply = orchestrator::attachment(&party.errand, party.behalf(), operation).await?;
    Ok(Passed::new(reply).created())
}

/// Puts a part of one's own upload, part 1 first, in any order; the same part again takes its place. Its `Content-Length`
/// is exactly the part's.
#[utoipa::path(
    put, path = "/v1/attachments/{attachment}/parts/{part}", operation_id = "put_attachment_part", tag = "attachments",
    params(("attachment" = AttachmentId, Path), ("part" = u16, Path)),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 204), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn part(
    at: AttachmentParty,
    Ids((attachment, part)): Ids<(AttachmentId, u16)>,
    upload: Upload,
) -> Result<Result<Done, Passed>, Refusal> {
    at.own()?;
    let party = at.party;
    let reply = orchestrator::part(&party.errand, party.behalf(), attachment, part, &upload).await?;
    Ok(done(reply))
}

/// Says that all parts of one's own upload are there. Once more is harmless.
#[utoipa::path(
    post, path = "/v1/attachments/{attachment}/complete", operation_id = "complete_attachment", tag = "attachments",
    params(("attachment" = AttachmentId, Path)),
    responses((status = 200, body = Attachment), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn complete(at: AttachmentParty) -> Result<Passed, Refusal> {
    at.own()?;
    let attachment = at.attachment.attachment.id;
    ask(at, AttachmentOperation::Complete { attachment }).await.map(Passed::new)
}

/// Where a file's bytes are for a while: of any message of the chat, and of what one put there oneself.
#[utoipa::path(
    get, path = "/v1/attachments/{attachment}", operation_id = "read_attachment", tag = "attachments",
    params(("attachment" = AttachmentId, Path)),
    responses((status = 200, body = AttachmentLink), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn read(at: AttachmentParty) -> Result<Passed, Refusal> {
    let attachment = at.attachment.attachment.id;
    ask(at, AttachmentOperation::Link { attachment }).await.map(Passed::new)
}

/// Gives up what one put there, before it is posted. What is in a message goes with that.
#[utoipa::path(
    delete, path = "/v1/attachments/{attachment}", operation_id = "delete_attachment", tag = "attachments",
    params(("attachment" = AttachmentId, Path)),
    responses((status = 204), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn delete(at: AttachmentParty) -> Result<Result<Done, Passed>, Refusal> {
    at.own()?;
    let attachment = at.attachment.attachment.id;
    ask(at, AttachmentOperation::Remove { attachment }).await.map(done)
}

impl AttachmentParty {
    /// Who put it there does more with it than look.
    fn own(&self) -> Result<(), Problem> {
        if self.attachment.is_by(self.party.caller.user) {
            Ok(())
        } else {
            Err(ProblemCode::Forbidden.into())
        }
    }
}

async fn ask(at: AttachmentParty, operation: AttachmentOperation) -> Result<worker::Response, Refusal> {
    orchestrator::attachment(&at.party.errand, at.party.behalf(), operation).await
}

/// 204, or the refusal as it came.
fn done(reply: worker::Response) -> Result<Done, Passed> {
    if matches!(reply.status_code(), 200..=299) { Ok(Done) } else { Err(Passed::new(reply)) }
}
