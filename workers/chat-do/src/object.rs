//! The shim between the platform and the [`Room`]: decode, hand over, reply.

use std::rc::Rc;

use slipway_contract::objects::chat::ChatCall;
use slipway_contract::{Problem, ProblemCode, limits};
use slipway_edge::{ids, reply};
use worker::{
    DurableObject, Env, Error, Method, Request, Response, Result, Socket, State, WebSocket,
    WebSocketIncomingMessage, durable_object,
};

use crate::room::{self, Room};
use crate::{effects, sockets};

/// One chat. Its name is the chat's id.
#[durable_object]
pub struct Chat {
    room: Rc<Room>,
}

impl DurableObject for Chat {
    fn new(state: State, env: Env) -> Self {
        slipway_edge::log::configure(&env);
        Self { room: Rc::new(Room::new(state, env)) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        if let Some(query) = sockets::query(&request.inner().url()) {
            return sockets::accept(&self.room, &request, query);
        }
        if request.method() != Method::Post {
            return reply::problem(Problem::new(ProblemCode::RouteNotFound), ids::fresh());
        }
        let body = request.bytes().await?;
        // A post, plus the actor and the names of the command around it.
        if body.len() > limits::POST_BODY_BYTES + 1024 * 1024 {
            return reply::problem(Problem::new(ProblemCode::TooLarge), ids::fresh());
        }
        match room::parse::<ChatCall>(&body) {
            Some(call) => {
                let request = call.request;
                match self.room.call(call).await {
                    Ok(json) => reply::json_text(200, json, request),
                    Err(problem) => reply::problem(problem, request),
                }
            }
            None => {
                reply::problem(Problem::new(ProblemCode::InvalidBody).detail("not a chat call"), ids::fresh())
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        effects::drive(&self.room).await;
        Response::empty()
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        sockets::receive(&self.room, &socket, message).await;
        Ok(())
    }

    async fn websocket_close(
        &self,
        socket: WebSocket,
        code: usize,
        reason: String,
        _was_clean: bool,
    ) -> Result<()> {
        sockets::left(&self.room, &socket);
        sockets::say_goodbye(&socket, code, &reason);
        Ok(())
    }

    async fn websocket_error(&self, socket: WebSocket, _error: Error) -> Result<()> {
        sockets::left(&self.room, &socket);
        Ok(())
    }

    async fn connect(&self, _socket: Socket) -> Result<()> {
        Err(Error::RustError("a chat takes no TCP connections".to_owned()))
    }
}
