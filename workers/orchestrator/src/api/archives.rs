//! Archives of chats, as app-api asks for them and as the chats' objects read them back
//! ([`slipway_contract::objects::archive`]): below `/internal/archives/{org}/{chat}/`.

use std::rc::Rc;

use slipway_contract::http::chats::ArchiveStatus;
use slipway_contract::objects::archive::{ArchiveRestored, ExportPlan, FRONT};
use slipway_contract::{Actor, ChatId, OrgId, Problem, ProblemCode, RequestId};
use slipway_edge::log::{Level, Line};
use slipway_edge::reply;
use slipway_store::archives::StoredArchive;
use worker::{Context, Env, Headers, Method, Request, Response, ResponseBody, ResponseBuilder};

use super::caller::{self, Caller};
use crate::archive::{self, Archives, Asked, Place};
use crate::errand::Errand;
use crate::stream;

/// Longest request, in bytes.
const BODY_BYTES: usize = 4 * 1024;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Archive the chat.
    Begin { org: OrgId, chat: ChatId },
    /// What an archive holds.
    Manifest(Place),
    /// A part of it.
    Part(Place, u32),
    /// The chat is whole again.
    Restored(Place),
}

impl What {
    /// What a path behind `/internal/archives/` asks for.
    fn of(method: &Method, path: &str) -> Option<Self> {
        let mut parts = path.split('/');
        let (org, chat) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let third = parts.next()?;
        let asked = match (method, third, parts.next(), parts.next()) {
            (Method::Post, "begin", None, None) => Self::Begin { org, chat },
            (method, archive, Some(what), number) => {
                let place = Place { org, chat, archive: archive.parse().ok()? };
                match (method, what, number) {
                    (Method::Get, "manifest", None) => Self::Manifest(place),
                    (Method::Get, "parts", Some(number)) => Self::Part(place, number.parse().ok()?),
                    (Method::Post, "restored", None) => Self::Restored(place),
                    (_, _, _) => return None,
                }
            }
            (_, _, _, _) => return None,
        };
        parts.next().is_none().then_some(asked)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Begin { .. } => "begin",
            Self::Manifest(_) => "manifest",
            Self::Part(_, FRONT) => "front",
            Self::Part(_, _) => "part",
            Self::Restored(_) => "restored",
        }
    }

    const fn about(self) -> (OrgId, ChatId) {
        match self {
            Self::Begin { org, chat } => (org, chat),
            Self::Manifest(place) | Self::Part(place, _) | Self::Restored(place) => (place.org, place.chat),
        }
    }
}

/// `{method} /internal/archives/{path}`
pub(crate) async fn serve(
    mut request: Request,
    env: Env,
    context: Rc<Context>,
    path: &str,
) -> worker::Result<Response> {
    let id = caller::request(request.headers());
    let Some(what) = What::of(&request.method(), path) else {
        return reply::problem(Problem::new(ProblemCode::RouteNotFound), id);
    };
    let errand = Errand::of(env, context, id, request.headers());
    let begun = errand.now();
    let (org, chat) = what.about();
    let line = |line: Line| line.request(id).org(org).chat(chat).name("asked", what.name()).took(begun);
    match answer(&errand, &mut request, what).await {
        Ok(answer) => {
            line(Line::new(Level::Info, "archive_served")).emit();
            answer
        }
        Err(problem) => {
            line(caller::refused("archive_not_served", &problem)).emit();
            reply::problem(problem, id)
        }
    }
}

async fn answer(
    errand: &Errand,
    request: &mut Request,
    what: What,
) -> Result<worker::Result<Response>, Problem> {
    let id = errand.request;
    Ok(match what {
        What::Begin { org, chat } => {
            let caller = Caller::of(request.headers())?;
            if caller.org != org {
                return Err(ProblemCode::NotFound.into());
            }
            let by = Actor::User { id: caller.user };
            let stored = match Archives::new(errand).ask(org, chat, by).await? {
                Asked::Begun(stored, plan) => {
                    errand.later(carry_out(errand.clone(), stored.clone(), plan));
                    stored
                }
                Asked::There(stored) => stored,
            };
            reply::json(202, &status(&stored)?, id)
        }
        What::Manifest(place) => {
            let manifest = archive::manifest(errand, place).await?;
            body(ResponseBody::Body(manifest), "application/json", id)
        }
        What::Part(place, number) => {
            let lines = archive::lines(errand, place, number).await?;
            body(ResponseBody::Stream(lines), "application/jsonl", id)
        }
        What::Restored(place) => {
            let ArchiveRestored { head: _ } = stream::body(request, BODY_BYTES).await?;
            Archives::new(errand).restored(place).await?;
            reply::json_text(200, "null".to_owned(), id)
        }
    })
}

/// The rest, behind the answer. What fails a sweep goes on with.
async fn carry_out(errand: Errand, stored: StoredArchive, plan: ExportPlan) {
    let (org, chat) = (stored.org, stored.chat);
    if let Err(problem) = Archives::new(&errand).carry_out(stored, plan).await {
        Line::warn("archive_not_settled")
            .request(errand.request)
            .org(org)
            .chat(chat)
            .code(problem.code)
            .emit();
    }
}

/// How an archive stands, as people are told.
fn status(stored: &StoredArchive) -> Result<ArchiveStatus, Problem> {
    let state = stored.state.phase().ok_or(ProblemCode::Internal)?;
    Ok(ArchiveStatus { chat: stored.chat, archive: stored.id, state })
}

fn body(body: ResponseBody, kind: &str, id: RequestId) -> worker::Result<Response> {
    let headers = Headers::new();
    headers.set("content-type", kind)?;
    headers.set("cache-control", "no-store")?;
    headers.set(reply::REQUEST_ID, &id.to_string())?;
    Ok(ResponseBuilder::new().with_headers(headers).body(body))
}

#[cfg(test)]
mod tests {
    use slipway_contract::ArchiveId;

    use super::*;

    #[test]
    fn a_path_says_what_is_asked_of_which_archive() {
        let (org, chat) = (OrgId::fresh(1, [0; 10]), ChatId::fresh(2, [0; 10]));
        let archive = ArchiveId::fresh(3, [0; 10]);
        let place = Place { org, chat, archive };
        let of = |method, rest: &str| What::of(&method, &format!("{org}/{chat}/{rest}"));
        assert_eq!(of(Method::Post, "begin"), Some(What::Begin { org, chat }));
        assert_eq!(of(Method::Get, &format!("{archive}/manifest")), Some(What::Manifest(place)));
        assert_eq!(of(Method::Get, &format!("{archive}/parts/12")), Some(What::Part(place, 12)));
        assert_eq!(of(Method::Post, &format!("{archive}/restored")), Some(What::Restored(place)));
        for (method, wrong) in [
            (Method::Get, "begin".to_owned()),
            (Method::Post, format!("{archive}/manifest")),
            (Method::Get, format!("{archive}/parts")),
            (Method::Get, format!("{archive}/parts/-1")),
            (Method::Get, format!("{archive}/parts/1/2")),
            (Method::Get, format!("{archive}/manifest/1")),
            (Method::Get, format!("{chat}/manifest")),
            (Method::Get, String::new()),
        ] {
            assert_eq!(of(method, &wrong), None, "{wrong}");
        }
        assert_eq!(What::of(&Method::Post, &format!("{chat}/{org}/begin")), None);
    }
}
