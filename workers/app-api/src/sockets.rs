//! The upgrade to a chat's socket, handed to the chat's object before the router sees it: the socket never passes through
//! this Worker's code. The ticket in the address proves who asks; the object knows it.

use slipway_contract::ChatId;
use slipway_edge::{ids, reply};
use wasm_bindgen::JsCast;
use worker::{Env, Method, Request, Response};

/// The chat whose socket the request wants to be upgraded to. Anything else takes the ordinary way, where it is refused.
pub(crate) fn wanted(path: &str, request: &Request) -> Option<ChatId> {
    let chat = path.strip_prefix("/v1/chats/")?.strip_suffix("/socket")?.parse().ok()?;
    let upgrade = request.headers().get("upgrade").ok().flatten()?;
    (request.method() == Method::Get && upgrade.eq_ignore_ascii_case("websocket")).then_some(chat)
}

/// Asks the object with the request as it came, but for its address.
pub(crate) async fn hand_over(request: &Request, env: &Env, chat: ChatId) -> worker::Result<Response> {
    let address = request.inner().url();
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let target = format!("https://chat/socket?{query}");
    let handed = web_sys::Request::new_with_str_and_init(&target, request.inner().unchecked_ref())?;
    let object = env.durable_object("CHAT")?.get_by_name(&chat.to_string())?;
    match object.fetch_with_request(handed.into()).await {
        Ok(response) => Ok(response),
        Err(error) => {
            let id = ids::fresh();
            reply::problem(crate::chat_object::unreachable(&error, chat, id), id)
        }
    }
}
