//! Somebody at a chat's door. Whether they may enter is the chat's own decision; no Postgres is asked on this way.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{ApprovalId, ChatId, MessageId, OrgId, Problem, ProblemCode, TurnId};

use super::{Caller, org_header};
use crate::chat_object;
use crate::errand::Errand;
use crate::refusal::Refusal;
use crate::reply::Passed;

/// A caller, the chat that the path is about, and the org that they name.
pub(crate) struct ChatScope {
    pub(crate) errand: Errand,
    pub(crate) caller: Caller,
    pub(crate) chat: ChatId,
    /// Absent only while missing headers are still allowed.
    pub(crate) org: Option<OrgId>,
}

impl ChatScope {
    /// Asks the chat on the caller's behalf, and hands its reply on.
    pub(crate) async fn pass(&self, command: ChatCommand) -> Result<Passed, Refusal> {
        chat_object::pass(&self.errand, self.chat, self.org, self.caller.actor(), command).await
    }

    /// A message of this chat; another chat's is not found here.
    pub(crate) fn own(&self, message: MessageId) -> Result<MessageId, Refusal> {
        if message.chat() == self.chat { Ok(message) } else { Err(ProblemCode::NotFound.into()) }
    }
}

impl<S: Sync + Send> FromRequestParts<S> for ChatScope {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let errand = Errand::from_request_parts(parts, state).await?;
        let caller = Caller::from_request_parts(parts, state).await?;
        let chat = path_chat(parts, state).await?;
        errand.is_about(chat);
        let org = org_header::named(&errand, parts)?;
        if let Some(org) = org {
            errand.is_in(org);
        }
        Ok(Self { errand, caller, chat, org })
    }
}

/// The chat that the path names, itself or by one of its turns or approvals.
async fn path_chat<S: Sync + Send>(parts: &mut Parts, state: &S) -> Result<ChatId, Problem> {
    let wrong = |detail: &str| Problem::new(ProblemCode::InvalidParameter).detail(detail);
    let params = RawPathParams::from_request_parts(parts, state).await;
    let params = params.map_err(|_| wrong("the path must be UTF-8"))?;
    let named = |name: &str| params.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
    let turn = || named("turn").and_then(|text| text.parse::<TurnId>().ok()).map(TurnId::chat);
    let approval =
        || named("approval").and_then(|text| text.parse::<ApprovalId>().ok()).map(ApprovalId::chat);
    let chat = match named("chat") {
        Some(text) => text.parse().ok(),
        None => turn().or_else(approval),
    };
    chat.ok_or_else(|| wrong("the path must name a chat, turn or approval by its id"))
}
