//! Whatever a client may send wrongly, too long or too often: a typed refusal each, and nothing lost that was there.

use anyhow::{Context as _, Result};
use e2e::{Person, Team, World};
use futures::stream::{self, StreamExt as _};
use reqwest::Method;
use slipway_contract::{ChatId, MessageId, ProblemCode, Seq, TurnId, limits};

/// What is sent, and how it must be refused.
struct Wrong {
    what: &'static str,
    method: Method,
    path: String,
    body: Option<Vec<u8>>,
    code: ProblemCode,
}

fn wrong(
    what: &'static str,
    method: Method,
    path: impl Into<String>,
    body: Option<&str>,
    code: ProblemCode,
) -> Wrong {
    Wrong { what, method, path: path.into(), body: body.map(|body| body.as_bytes().to_vec()), code }
}

#[tokio::test]
async fn whatever_is_sent_wrongly_is_refused_with_a_type_and_loses_nothing() -> Result<()> {
    use ProblemCode::{
        InvalidBody, InvalidField, InvalidParameter, MethodNotAllowed, NotFound, RouteNotFound, SeqInFuture,
        TooLarge, UpgradeRequired,
    };
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let message = bo.post(chat.id, "kept", "kept").await?.message;
    let before = bo.log(chat.id).await?;
    let here = format!("/v1/chats/{}", chat.id);
    let post = format!("{here}/messages");
    let own = format!("{post}/{message}");
    let org = format!("/v1/orgs/{}", team.org);
    let channels = format!("{org}/channels");
    let chats = format!("{channels}/{}/chats", team.channel);
    let nobody = ChatId::fresh(1, [9; 10]);
    let long = format!(r#"{{"client_id":"x","text":"{}"}}"#, "x".repeat(limits::POST_BODY_BYTES));
    let long_name = format!(r#"{{"name":"{}"}}"#, "x".repeat(limits::BODY_BYTES));
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let (get, put, patch) = (Method::GET, Method::PUT, Method::PATCH);
    let is_post = || Method::POST;
    let good = r#"{"client_id":"x","text":"x"}"#;
    let mut table = vec![
        wrong("no body", is_post(), &post, None, InvalidBody),
        wrong("an empty body", is_post(), &post, Some(""), InvalidBody),
        wrong("no JSON", is_post(), &post, Some("hello"), InvalidBody),
        wrong("half of a body", is_post(), &post, Some(r#"{"client_id":"x","te"#), InvalidBody),
        wrong("two bodies", is_post(), &post, Some(&good.repeat(2)), InvalidBody),
        wrong("a list", is_post(), &post, Some("[]"), InvalidBody),
        wrong("null", is_post(), &post, Some("null"), InvalidBody),
        wrong("nested too deep", is_post(), &post, Some(&deep), InvalidBody),
        wrong("a field is missing", is_post(), &post, Some(r#"{"client_id":"x"}"#), InvalidBody),
        wrong("a number for a text", is_post(), &post, Some(r#"{"client_id":"x","text":7}"#), InvalidBody),
        wrong(
            "an unknown field",
            is_post(),
            &post,
            Some(r#"{"client_id":"x","text":"x","seq":1}"#),
            InvalidBody,
        ),
        wrong(
            "a field twice",
            is_post(),
            &post,
            Some(r#"{"client_id":"x","text":"x","text":"y"}"#),
            InvalidBody,
        ),
        wrong(
            "half a character",
            is_post(),
            &post,
            Some(r#"{"client_id":"x","text":"\ud800"}"#),
            InvalidBody,
        ),
        wrong(
            "no id to reply to",
            is_post(),
            &post,
            Some(r#"{"client_id":"x","text":"x","reply_to":"msg_1"}"#),
            InvalidBody,
        ),
        wrong("a body beyond every limit", is_post(), &post, Some(&long), TooLarge),
        wrong("a long body elsewhere", is_post(), "/v1/orgs", Some(&long_name), TooLarge),
        wrong(
            "a long name",
            is_post(),
            "/v1/orgs",
            Some(&format!(r#"{{"name":"{}"}}"#, "x".repeat(121))),
            InvalidField,
        ),
        wrong(
            "an unknown role",
            is_post(),
            format!("{org}/invitations"),
            Some(r#"{"email":"a@b.c","role":"god"}"#),
            InvalidBody,
        ),
        wrong(
            "no address",
            is_post(),
            format!("{org}/invitations"),
            Some(r#"{"email":"a b","role":"guest"}"#),
            InvalidField,
        ),
        wrong(
            "no slug",
            is_post(),
            format!("{org}/agents"),
            Some(r#"{"slug":"No","name":"x","model":"demo"}"#),
            InvalidBody,
        ),
        wrong(
            "no model",
            is_post(),
            format!("{org}/agents"),
            Some(r#"{"slug":"no","name":"x","model":"gpt"}"#),
            InvalidField,
        ),
        wrong("an unknown field elsewhere", patch.clone(), &here, Some(r#"{"titel":"x"}"#), InvalidBody),
        wrong("an empty edit", patch.clone(), &own, Some("{}"), InvalidBody),
        wrong("no chat's id", get.clone(), "/v1/chats/chat_1", None, InvalidParameter),
        wrong("another kind of id", get.clone(), format!("/v1/chats/{}", team.org), None, InvalidParameter),
        wrong(
            "an id in capitals",
            get.clone(),
            here.to_uppercase().replace("/V1/CHATS/CHAT", "/v1/chats/chat"),
            None,
            InvalidParameter,
        ),
        wrong("no org's id", get.clone(), "/v1/orgs/org_1/channels", None, InvalidParameter),
        wrong(
            "no message's id",
            patch.clone(),
            format!("{post}/msg_1"),
            Some(r#"{"text":"x"}"#),
            InvalidParameter,
        ),
        wrong("no turn's id", is_post(), "/v1/turns/turn_1/cancel", None, InvalidParameter),
        wrong(
            "no participant's id",
            Method::DELETE,
            format!("{here}/participants/bo"),
            None,
            InvalidParameter,
        ),
        wrong("a broken escape", put.clone(), format!("{own}/reactions/%FF"), None, InvalidParameter),
        wrong("a chat that is not there", get.clone(), format!("/v1/chats/{nobody}"), None, NotFound),
        wrong(
            "a post to a chat that is not there",
            is_post(),
            format!("/v1/chats/{nobody}/messages"),
            Some(good),
            NotFound,
        ),
        wrong(
            "a message that is not there",
            patch.clone(),
            format!("{post}/{}", MessageId::new(chat.id, Seq(999))),
            Some(r#"{"text":"x"}"#),
            NotFound,
        ),
        wrong(
            "an event that is no message",
            patch.clone(),
            format!("{post}/{}", MessageId::new(chat.id, Seq(1))),
            Some(r#"{"text":"x"}"#),
            NotFound,
        ),
        wrong(
            "another chat's message",
            patch.clone(),
            format!("{post}/{}", MessageId::new(nobody, Seq(1))),
            Some(r#"{"text":"x"}"#),
            NotFound,
        ),
        wrong(
            "a turn that is not there",
            is_post(),
            format!("/v1/turns/{}/cancel", TurnId::new(chat.id, Seq(3))),
            None,
            NotFound,
        ),
        wrong("no events wanted", get.clone(), format!("{here}/events?limit=0"), None, InvalidParameter),
        wrong(
            "too many events wanted",
            get.clone(),
            format!("{here}/events?limit=201"),
            None,
            InvalidParameter,
        ),
        wrong("a negative limit", get.clone(), format!("{here}/events?limit=-1"), None, InvalidParameter),
        wrong("a text for a limit", get.clone(), format!("{here}/events?limit=many"), None, InvalidParameter),
        wrong(
            "after and before",
            get.clone(),
            format!("{here}/events?after=1&before=3"),
            None,
            InvalidParameter,
        ),
        wrong("an unknown parameter", get.clone(), format!("{here}/events?from=1"), None, InvalidParameter),
        wrong("after from the future", get.clone(), format!("{here}/events?after=999"), None, SeqInFuture),
        wrong(
            "after beyond all numbers",
            get.clone(),
            format!("{here}/events?after=99999999999999999999999"),
            None,
            InvalidParameter,
        ),
        wrong("no channels wanted", get.clone(), format!("{channels}?limit=0"), None, InvalidParameter),
        wrong("too many chats wanted", get.clone(), format!("{chats}?limit=201"), None, InvalidParameter),
        wrong("a limit twice", get.clone(), format!("{chats}?limit=1&limit=2"), None, InvalidParameter),
        wrong(
            "an endless cursor",
            get.clone(),
            format!("{chats}?cursor={}", "A".repeat(10_000)),
            None,
            InvalidParameter,
        ),
        wrong("an operation with a slash behind it", get.clone(), format!("{here}/"), None, RouteNotFound),
        wrong("the API itself", get.clone(), "/v1", None, RouteNotFound),
        wrong("no cursor of ours", get.clone(), format!("{chats}?cursor=!!!"), None, InvalidParameter),
        wrong("an old socket", get.clone(), format!("{here}/socket?ticket=x"), None, UpgradeRequired),
        wrong("no operation", get.clone(), "/v1/nothing", None, RouteNotFound),
        wrong("no operation below another", get.clone(), format!("{here}/nothing"), None, RouteNotFound),
        wrong("another method", Method::PUT, &here, None, MethodNotAllowed),
        wrong("another method of a list", put, &post, Some("{}"), MethodNotAllowed),
    ];
    table.push(Wrong {
        what: "no UTF-8",
        method: is_post(),
        path: post.clone(),
        body: Some(b"{\"client_id\":\"x\",\"text\":\"\xff\"}".to_vec()),
        code: InvalidBody,
    });
    let mut failures = Vec::new();
    for Wrong { what, method, path, body, code } in table {
        let call = bo_or_owner(&team, &bo, &path).call(method, &path);
        let call = match body {
            Some(body) => call.body(body),
            None => call,
        };
        match call.send().await {
            Ok(answer) if answer.problem().is_ok_and(|problem| problem.code == code) => {}
            Ok(answer) => failures.push(format!("{what}: not {code:?}, but {answer}")),
            Err(error) => failures.push(format!("{what}: {error:#}")),
        }
    }
    let form = bo.call(Method::POST, &post).header("content-type", "text/plain");
    form.send().await?.refused(InvalidBody)?;
    let twice = format!("{}, {}", team.org, team.org);
    for header in ["org_1", "", "nonsense", &twice] {
        let call = bo.nowhere().call(Method::GET, &here).header("x-org-id", header);
        call.send().await?.refused(InvalidParameter).context("X-Org-Id")?;
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(bo.log(chat.id).await?, before);
    bo.post(chat.id, "x", "all is well").await.map(drop)
}

/// Who may at least try: invitations and agents are for admins.
fn bo_or_owner<'a>(team: &'a Team, bo: &'a Person, path: &str) -> &'a Person {
    if path.ends_with("/invitations") || path.ends_with("/agents") { &team.owner } else { bo }
}

#[tokio::test]
async fn a_message_has_up_to_64_kib_and_not_one_byte_more() -> Result<()> {
    let (_, bo, chat) = Team::of_two(&World::shared()?).await?;
    let most = limits::MESSAGE_BYTES;
    let texts = [
        ("just", "x".repeat(most), true),
        ("more", "x".repeat(most + 1), false),
        ("just of two bytes", "é".repeat(most / 2), true),
        ("more of two bytes", format!("{}x", "é".repeat(most / 2)), false),
        ("just of control characters", "\u{1}".repeat(most), true),
        ("none", String::new(), false),
        ("blank", " \n\t".to_owned(), false),
    ];
    let mut socket = bo.socket(chat.id, None).await?;
    for (what, text, fits) in texts {
        let code = if text.len() > most { ProblemCode::TooLarge } else { ProblemCode::InvalidField };
        let answer = bo.posting(chat.id, &format!("{what} http"), &text).send().await?;
        let told = socket.try_post(&format!("{what} socket"), &text).await?;
        if fits {
            answer.done().context(what)?;
            assert!(told.is_ok(), "{what}: {told:?}");
        } else {
            answer.refused(code).context(what)?;
            assert_eq!(told.map_err(|problem| problem.code), Err(code), "{what}");
        }
    }
    let message = bo.post(chat.id, "edit", "short").await?.message;
    bo.edit(message, &"x".repeat(most + 1)).await?.refused(ProblemCode::TooLarge)?;
    bo.edit(message, " ").await?.refused(ProblemCode::InvalidField)?;
    bo.edit(message, &"x".repeat(most)).await?.done()?;
    for client_id in ["", &"x".repeat(65)] {
        let problem = bo.posting(chat.id, client_id, "x").send().await?.refused(ProblemCode::InvalidField)?;
        assert_eq!(problem.field.as_deref(), Some("client_id"));
    }
    bo.post(chat.id, &"x".repeat(64), "x").await.map(drop)
}

#[tokio::test]
async fn ten_thousand_reactions_come_to_the_limit_and_harm_nothing() -> Result<()> {
    let (_, bo, chat) = Team::of_two(&World::shared()?).await?;
    let message = bo.post(chat.id, "a", "loved").await?.message;
    let emoji = |n: u32| {
        format!("👍{}", char::from_u32(0x1F300 + n % 700).unwrap_or('🙂')).repeat(1 + n as usize / 7000)
    };
    let answers = stream::iter(0..10_000).map(|n| {
        let (bo, emoji) = (bo.clone(), emoji(n));
        async move { bo.react(message, &emoji, true).await }
    });
    let mut kept = 0;
    let mut answers = answers.buffer_unordered(32);
    while let Some(answer) = answers.next().await {
        let answer = answer?;
        if answer.is_success() {
            kept += 1;
        } else {
            answer.refused(ProblemCode::LimitReached)?;
        }
    }
    let log = bo.log(chat.id).await?;
    assert_eq!(log.len() as u64, chat.head.0 + 1 + limits::EMOJI_PER_MESSAGE as u64);
    assert!(kept >= limits::EMOJI_PER_MESSAGE, "{kept}");
    bo.post(chat.id, "b", "still here").await.map(drop)
}
