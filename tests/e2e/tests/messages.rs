//! Messages: posted once, changed by whom they belong to, gone when deleted.

use anyhow::{Context as _, Result};
use e2e::{Person, Team, World, eventually};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use slipway_contract::events::EventBody;
use slipway_contract::http::chats::EventsPage;
use slipway_contract::http::messages::Posted;
use slipway_contract::{ChatId, MessageId, ProblemCode, Seq, limits};

/// What the log says of messages, in order, without who and when.
async fn story(person: &Person, chat: ChatId) -> Result<Vec<Value>> {
    let mut story = Vec::new();
    for event in person.log(chat).await? {
        let mut body = serde_json::to_value(&event.body)?;
        let fields = body.as_object_mut().context("an event is an object")?;
        if let Some(message) = fields.get("message").and_then(Value::as_str) {
            let message: MessageId = message.parse()?;
            fields.insert("message".to_owned(), json!(message.seq().0));
            story.push(body);
        }
    }
    Ok(story)
}

#[tokio::test]
async fn the_same_client_id_gives_the_same_answer_and_no_second_message() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let first = bo.posting(chat.id, "one", "hello").send().await?;
    assert_eq!(first.status, 201);
    let first: Posted = first.read()?;
    assert_eq!((first.seq, first.message), (chat.head.next(), MessageId::new(chat.id, first.seq)));
    let again = bo.posting(chat.id, "one", "hello").send().await?;
    assert_eq!((again.status, again.read::<Posted>()?), (201, first.clone()));
    // The name decides, not the text; and it is the sender's own.
    assert_eq!(bo.post(chat.id, "one", "something else").await?, first);
    let other = team.owner.post(chat.id, "one", "mine").await?;
    assert_eq!(other.seq, first.seq.next());
    let mut socket = bo.socket(chat.id, None).await?;
    assert_eq!(socket.post("one", "hello").await?.seq, first.seq);

    let many = stream::iter(0..32).map(|n| bo.posting(chat.id, &format!("c{}", n % 4), "x").send());
    let answers: Vec<_> = many.buffer_unordered(16).try_collect().await?;
    let mut seqs =
        answers.iter().map(|answer| Ok(answer.read::<Posted>()?.seq)).collect::<Result<Vec<_>>>()?;
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(seqs.len(), 4);
    assert_eq!(bo.describe(chat.id).await?.message_count, 6);
    Ok(())
}

#[tokio::test]
async fn a_message_is_edited_by_its_author_and_deleted_by_a_moderator_too() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let (hers, his) = (team.owner.post(chat.id, "a", "hers").await?, bo.post(chat.id, "b", "his").await?);
    bo.edit(hers.message, "hijacked").await?.refused(ProblemCode::Forbidden)?;
    team.owner.edit(his.message, "hijacked").await?.refused(ProblemCode::Forbidden)?;
    bo.delete(hers.message).await?.refused(ProblemCode::Forbidden)?;
    bo.edit(his.message, "his, mended").await?.done()?;
    bo.edit(his.message, "his, mended").await?.done()?;
    team.owner.delete(his.message).await?.done()?;
    team.owner.delete(his.message).await?.done()?;
    bo.edit(his.message, "once more").await?.refused(ProblemCode::MessageDeleted)?;
    bo.react(his.message, "👍", true).await?.refused(ProblemCode::MessageDeleted)?;
    let base = chat.head.0;
    let expected = [
        json!({"type": "message.posted", "message": base + 1, "text": "hers", "client_id": "a"}),
        json!({"type": "message.posted", "message": base + 2, "text": "", "client_id": "b"}),
        json!({"type": "message.edited", "message": base + 2, "text": ""}),
        json!({"type": "message.deleted", "message": base + 2}),
    ];
    assert_eq!(story(&bo, chat.id).await?, expected);
    Ok(())
}

#[tokio::test]
async fn a_deleted_text_is_nowhere_any_more() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    team.owner.post(chat.id, "a", "before").await?;
    let secret = bo.post(chat.id, "b", "the-first-secret").await?;
    bo.edit(secret.message, "the-second-secret").await?.done()?;
    let preview = async |wanted: &str| {
        eventually(&format!("the preview `{wanted}`"), async || {
            let row = team.owner.summary(&chat).await?;
            Ok(row.filter(|row| row.preview == wanted))
        })
        .await
    };
    preview("the-second-secret").await?;
    bo.delete(secret.message).await?.done()?;
    let row = eventually("a preview without the secret", async || {
        Ok(team.owner.summary(&chat).await?.filter(|row| !row.preview.contains("secret")))
    })
    .await?;
    assert!(["", "before"].contains(&row.preview.as_str()), "{}", row.preview);
    for person in [&team.owner, &bo] {
        for query in ["", "?after=0", "?before=1000"] {
            let page = person.get(&format!("/v1/chats/{}/events{query}", chat.id)).await?;
            page.done()?;
            assert!(!page.body.contains("secret"), "{page}");
        }
        let mut socket = person.socket(chat.id, Some(Seq::START)).await?;
        let head = socket.head;
        socket.reach(head).await?;
        assert!(!serde_json::to_string(&socket.events)?.contains("secret"));
    }
    Ok(())
}

#[tokio::test]
async fn a_reply_names_a_message_of_the_same_chat() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let elsewhere = team.chat("Elsewhere", &[&bo]).await?;
    let (question, foreign) = (
        team.owner.post(chat.id, "q", "well?").await?,
        team.owner.post(elsewhere.id, "q", "over there").await?,
    );
    let reply = async |client_id: &str, to: MessageId| {
        let body = json!({"client_id": client_id, "text": "yes", "reply_to": to});
        bo.send(Method::POST, &format!("/v1/chats/{}/messages", chat.id), &body).await
    };
    let posted: Posted = reply("r", question.message).await?.read()?;
    let log = bo.log(chat.id).await?;
    let event = log.iter().find(|event| event.seq == posted.seq).context("no event")?;
    assert!(matches!(&event.body, EventBody::MessagePosted(said) if said.reply_to == Some(question.message)));
    reply("s", foreign.message).await?.refused(ProblemCode::InvalidField)?;
    reply("t", MessageId::new(chat.id, Seq(1))).await?.refused(ProblemCode::InvalidField)?;
    reply("u", MessageId::new(chat.id, Seq(4000))).await?.refused(ProblemCode::InvalidField)?;
    Ok(())
}

#[tokio::test]
async fn a_reaction_is_given_once_by_each_and_taken_back() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let message = team.owner.post(chat.id, "a", "nice").await?.message;
    for (who, emoji, on) in [
        (&bo, "👍", true),
        (&bo, "👍", true),
        (&team.owner, "👍", true),
        (&bo, "👨‍👩‍👧‍👦", true),
        (&bo, "👍", false),
    ] {
        who.react(message, emoji, on).await?.done()?;
    }
    bo.react(message, "👍", false).await?.done()?;
    let base = chat.head.0 + 1;
    let event = |kind: &str, emoji: &str| json!({"type": kind, "message": base, "emoji": emoji});
    let expected = [
        event("reaction.added", "👍"),
        event("reaction.added", "👍"),
        event("reaction.added", "👨‍👩‍👧‍👦"),
        event("reaction.removed", "👍"),
    ];
    assert_eq!(story(&bo, chat.id).await?.split_off(1), expected);
    for wrong in ["a", "<b>", "two words", "x".repeat(41).as_str(), "\u{0}"] {
        bo.react(message, wrong, true).await?.refused(ProblemCode::InvalidField)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_message_is_edited_a_hundred_times_and_not_more() -> Result<()> {
    let (_, bo, chat) = Team::of_two(&World::shared()?).await?;
    let message = bo.post(chat.id, "a", "0").await?.message;
    for n in 1..=limits::EDITS_PER_MESSAGE {
        bo.edit(message, &n.to_string()).await?.done()?;
    }
    bo.edit(message, "once more").await?.refused(ProblemCode::LimitReached)?;
    bo.delete(message).await?.done()
}

#[tokio::test]
async fn events_are_paged_forwards_and_backwards() -> Result<()> {
    let (_, bo, chat) = Team::of_two(&World::shared()?).await?;
    for n in 0..7 {
        bo.post(chat.id, &format!("m{n}"), "x").await?;
    }
    let head = chat.head.0 + 7;
    let seqs = async |query: &str| -> Result<Vec<u64>> {
        let page = bo.events(chat.id, query).await?;
        assert_eq!(page.head, Seq(head));
        Ok(page.events.iter().map(|event| event.seq.0).collect())
    };
    assert_eq!(seqs("").await?, (1..=head).collect::<Vec<_>>());
    assert_eq!(seqs("limit=2").await?, [head - 1, head]);
    assert_eq!(seqs("after=2&limit=3").await?, [3, 4, 5]);
    assert_eq!(seqs("before=5&limit=3").await?, [2, 3, 4]);
    assert_eq!(seqs("before=2&limit=3").await?, [1]);
    assert_eq!(seqs("before=1").await?, Vec::<u64>::new());
    assert_eq!(seqs(&format!("after={head}")).await?, Vec::<u64>::new());
    Ok(())
}

#[tokio::test]
async fn a_page_and_a_replay_of_the_longest_messages_are_whole() -> Result<()> {
    let (_team, bo, chat) = Team::of_two(&World::shared()?).await?;
    // As JSON writes them, control characters are six times as long.
    let long = ["x".repeat(limits::MESSAGE_BYTES), "\u{1}".repeat(limits::MESSAGE_BYTES)];
    let posts = stream::iter(0..60).map(|n| {
        let text = long.get(usize::from(n % 10 == 0)).cloned().unwrap_or_default();
        let (bo, chat) = (bo.clone(), chat.id);
        async move { bo.post(chat, &format!("long-{n}"), &text).await }
    });
    let posted: Vec<_> = posts.buffer_unordered(8).try_collect().await?;
    assert_eq!(posted.len(), 60);
    let path = format!("/v1/chats/{}/events", chat.id);
    for page in ["?limit=200", "?after=0&limit=200"] {
        let page: EventsPage = bo.get(&format!("{path}{page}")).await?.read()?;
        let seqs: Vec<u64> = page.events.iter().map(|event| event.seq.0).collect();
        assert_eq!(seqs, (1..=page.head.0).collect::<Vec<_>>());
        let texts = page.events.iter().filter(
            |event| matches!(&event.body, EventBody::MessagePosted(posted) if long.contains(&posted.text)),
        );
        assert_eq!(texts.count(), 60);
    }
    let mut socket = bo.socket(chat.id, Some(chat.head)).await?;
    let last = posted.iter().map(|posted| posted.seq).max().context("nothing was posted")?;
    socket.reach(last).await?;
    Ok(())
}
