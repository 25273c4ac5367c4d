//! A request to build on.

use slipway_contract::objects::engine::TurnRequest;
use slipway_contract::{AgentId, ChatId, OrgId, RequestId, Seq, TurnId};

/// A turn of an empty chat.
pub(crate) fn request() -> TurnRequest {
    let chat = ChatId::fresh(1, [0; 10]);
    TurnRequest {
        org: OrgId::fresh(1, [0; 10]),
        chat,
        turn: TurnId::new(chat, Seq(2)),
        agent: AgentId::fresh(1, [0; 10]),
        request: RequestId::fresh(1, [0; 10]),
        title: "Plans".to_owned(),
        participants: Vec::new(),
        fork: None,
        context: Vec::new(),
        steps: Vec::new(),
        tools: Vec::new(),
    }
}
