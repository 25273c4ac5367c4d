//! A request to build on.

use slipway_contract::objects::engine::TurnRequest;
use slipway_contract::{AgentId, ChannelId, ChatId, OrgId, RequestId, Seq, TurnId};

/// A turn of an empty chat.
pub(crate) fn request() -> TurnRequest {
    let chat = ChatId::fresh(1, [0; 10]);
    TurnRequest {
        org: OrgId::fresh(1, [0; 10]),
        chat,
        channel: ChannelId::fresh(1, [0; 10]),
        turn: TurnId::new(chat, Seq(2)),
        agent: AgentId::fresh(1, [0; 10]),
        request: RequestId::fresh(1, [0; 10]),
        title: "Plans".to_owned(),
        participants: Vec::new(),
        fork: None,
        summary: None,
        kept: Vec::new(),
        context: Vec::new(),
        summarise: false,
        measured: None,
        steps: Vec::new(),
        tools: Vec::new(),
    }
}
