//! What people see of an archived chat before it is back.

use anyhow::{Context as _, Result};
use serde_json::Value;
use slipway_contract::ProblemCode;
use slipway_contract::http::orgs::Role;

use crate::faults::flip;
use crate::object::{a_long_chat_away, is_whole, served};
use crate::scene::{kept, own_stack};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_takes_part_sees_the_newest_page_although_the_chat_cannot_come_back() -> Result<()> {
    let (bed, scene, before) = a_long_chat_away().await?;
    let (chat, bo) = (scene.chat.id, &scene.bo);
    let archive = kept(&bed, chat)?.pop().context("R2 has no archive")?;
    let second = archive.parts.get(1).context("one part alone")?;
    flip(second, 99)?;
    let events = |query: &str| format!("/v1/chats/{chat}/events?{query}");
    let log = before.pointer("/log").and_then(Value::as_array).context("no log")?;
    let outsider = scene.ada.world.team("Globex").await?.owner;
    let colleague = scene.team.join("Cleo", Role::Member).await?;
    for _ in 0..2 {
        let described = bo.get(&format!("/v1/chats/{chat}")).await?.read::<Value>()?;
        assert_eq!(Some(&described), before.get("chat"));
        let page = bo.get(&events("limit=3")).await?.read::<Value>()?;
        let shown = page.pointer("/events").and_then(Value::as_array).context("no events")?;
        assert_eq!(Some(&**shown), log.get(log.len() - 3..));
        assert_eq!(page.pointer("/head"), before.pointer("/chat/head"));
        // What it has not waits for the chat, and is told why it does not come.
        for query in ["limit=50", "limit=3&before=9", "after=0"] {
            bo.get(&events(query)).await?.refused(ProblemCode::ArchiveDamaged)?;
        }
        for stranger in [&outsider, &colleague] {
            stranger.get(&format!("/v1/chats/{chat}")).await?.refused(ProblemCode::NotFound)?;
            stranger.get(&events("limit=3")).await?.refused(ProblemCode::NotFound)?;
        }
        bo.posting(chat, "early", "Too early.").send().await?.refused(ProblemCode::ArchiveDamaged)?;
    }
    flip(second, 99)?;
    is_whole(&scene, &before).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_that_was_only_looked_at_comes_back_as_a_whole() -> Result<()> {
    let (bed, scene) = own_stack().await?;
    let before = scene.seen_by(&scene.bo).await?;
    scene.away().await?;
    let described = scene.bo.describe(scene.chat.id).await?;
    assert_eq!(Some(&serde_json::to_value(described)?), before.get("chat"));
    // Nobody asks for more, and yet everybody hears of it.
    scene.listed(false).await?;
    served(&bed, scene.chat.id, "front", 1).await?;
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    served(&bed, scene.chat.id, "front", 1).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_front_the_chat_comes_back_all_the_same() -> Result<()> {
    let (bed, scene) = own_stack().await?;
    let before = scene.seen_by(&scene.bo).await?;
    scene.away().await?;
    let archive = kept(&bed, scene.chat.id)?.pop().context("R2 has no archive")?;
    flip(archive.front.as_deref().context("no front")?, 40)?;
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    scene.listed(false).await
}
