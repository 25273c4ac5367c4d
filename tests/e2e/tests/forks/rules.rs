//! What is refused, what is the same again, and who is not let in.

use anyhow::Result;
use e2e::World;
use futures::future::try_join_all;
use reqwest::Method;
use slipway_contract::events::EventBody;
use slipway_contract::http::forks::{Fork, ForkState};
use slipway_contract::{ForkId, ProblemCode, Seq, limits};

use crate::scene::{Scene, count, is_resolved};

fn is_begun(body: &EventBody) -> bool {
    matches!(body, EventBody::ForkCreated { .. })
}

#[tokio::test]
async fn of_two_who_accept_in_the_same_second_one_wins() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    scene.discuss().await?;
    let by = |person: &e2e::Person, summary: &str| person.accepting(scene.fork, summary, None, &[]).send();
    let (ada, bo) = tokio::try_join!(by(&scene.ada, "Ada's"), by(&scene.bo, "Bo's"))?;
    let (won, lost) = if ada.is_success() { (ada, bo) } else { (bo, ada) };
    lost.refused(ProblemCode::ForkEnded)?;
    let resolved: Fork = won.read()?;
    assert_eq!(scene.stands().await?, resolved);
    let log = scene.log().await?;
    assert_eq!(count(&log, is_resolved), 1);
    assert_eq!(scene.ada.describe(scene.chat.id).await?.message_count, 2);
    Ok(())
}

#[tokio::test]
async fn the_same_request_again_is_the_same_fork() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    let again = try_join_all((0..4).map(|_| scene.bo.fork(scene.message, "twice"))).await?;
    let first = again.first().map(|fork| fork.id);
    assert!(again.iter().all(|fork| Some(fork.id) == first));
    assert_ne!(
        scene.ada.fork(scene.message, "twice").await?.id,
        again[0].id,
        "another's name for another fork"
    );
    // A message may have the name of a fork.
    scene.bo.post_in(scene.fork, "twice", "hello").await?;
    assert_eq!(count(&scene.log().await?, is_begun), 3);
    let abandoned: Fork = scene.bo.fork_call(again[0].id, "abandon").send().await?.read()?;
    assert_eq!(scene.bo.fork(scene.message, "twice").await?, abandoned, "also when it has ended");
    Ok(())
}

#[tokio::test]
async fn a_chat_has_so_many_open_forks_and_no_more() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    let names: Vec<String> = (0..8).map(|n| format!("many-{n}")).collect();
    let asked = names.iter().map(|name| scene.bo.forking(scene.message, name, "More?").send());
    let answers = try_join_all(asked).await?;
    for refused in answers.iter().filter(|answer| !answer.is_success()) {
        refused.refused(ProblemCode::LimitReached)?;
    }
    let chat = scene.ada.describe(scene.chat.id).await?;
    assert_eq!(chat.open_forks.len(), limits::OPEN_FORKS_PER_CHAT);
    scene.bo.fork_call(scene.fork, "abandon").send().await?.done()?;
    scene.bo.fork(scene.message, "one more").await?;

    let mut listed: Vec<ForkId> = Vec::new();
    let mut query = "limit=2".to_owned();
    loop {
        let page = scene.bo.forks(scene.chat.id, &query).await?;
        assert!(page.items.len() <= 2);
        listed.extend(page.items.iter().map(|fork| fork.id));
        let Some(cursor) = page.next_cursor else { break };
        query = format!("limit=2&cursor={cursor}");
    }
    assert_eq!(listed.len(), limits::OPEN_FORKS_PER_CHAT + 1);
    assert!(listed.is_sorted_by(|newer, older| newer.seq() > older.seq()));
    let open = scene.bo.forks(scene.chat.id, "state=open&limit=5").await?;
    assert_eq!((open.items.len(), open.next_cursor), (limits::OPEN_FORKS_PER_CHAT, None));
    let abandoned = scene.bo.forks(scene.chat.id, "state=abandoned").await?;
    assert_eq!(abandoned.items.iter().map(|fork| fork.state).collect::<Vec<_>>(), [ForkState::Abandoned]);
    for wrong in ["limit=0", "limit=201", "cursor=x", "state=lost", "other=1"] {
        let path = format!("/v1/chats/{}/forks?{wrong}", scene.chat.id);
        scene.bo.get(&path).await?.refused(ProblemCode::InvalidParameter)?;
    }
    Ok(())
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_leaves_nothing() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    let said = scene.discuss().await?;
    let before = scene.log().await?.len();
    let bo = &scene.bo;
    let refused = async |call: e2e::world::Call, code| call.send().await?.refused(code).map(drop);
    refused(bo.forking(said[0], "nested", "More?"), ProblemCode::ForkNested).await?;
    refused(bo.forking(scene.message, "empty", " "), ProblemCode::InvalidField).await?;
    refused(bo.forking(scene.message, "long", &"é".repeat(201)), ProblemCode::InvalidField).await?;
    refused(bo.forking(scene.message, "", "More?"), ProblemCode::InvalidField).await?;
    let nothing = slipway_contract::MessageId::new(scene.chat.id, Seq(1));
    refused(bo.forking(nothing, "no message", "More?"), ProblemCode::InvalidField).await?;
    refused(bo.accepting(scene.fork, "", None, &[]), ProblemCode::InvalidField).await?;
    refused(bo.accepting(scene.fork, &"\u{1}".repeat(16 * 1024 + 1), None, &[]), ProblemCode::TooLarge)
        .await?;
    refused(bo.accepting(scene.fork, "so", Some(scene.message), &[]), ProblemCode::InvalidField).await?;
    refused(bo.accepting(scene.fork, "so", None, &[scene.message]), ProblemCode::InvalidField).await?;
    bo.call(Method::POST, &format!("/v1/chats/{}/forks/fork_1/accept", scene.chat.id))
        .json(&serde_json::json!({"summary": "so"}))
        .send()
        .await?
        .refused(ProblemCode::InvalidParameter)?;
    assert_eq!(scene.log().await?.len(), before);
    bo.delete(said[0]).await?.done()?;
    refused(bo.accepting(scene.fork, "so", None, &[said[0]]), ProblemCode::InvalidField).await?;
    scene.ada.delete(scene.message).await?.done()?;
    refused(bo.forking(scene.message, "gone", "More?"), ProblemCode::MessageDeleted).await?;
    Ok(())
}

#[tokio::test]
async fn ids_of_another_chat_or_org_lead_nowhere() -> Result<()> {
    let world = World::shared()?;
    let (here, there) = (Scene::open(&world).await?, Scene::open(&world).await?);
    let before = there.log().await?;
    let stranger = &here.bo;
    // One's own chat, another's ids in it.
    let own = here.chat.id;
    let body = serde_json::json!({"message": there.message, "description": "x", "client_id": "x"});
    let answer = stranger.send(Method::POST, &format!("/v1/chats/{own}/forks"), &body).await?;
    answer.refused(ProblemCode::InvalidField)?;
    let body = serde_json::json!({"client_id": "x", "text": "x", "fork": there.fork});
    let answer = stranger.send(Method::POST, &format!("/v1/chats/{own}/messages"), &body).await?;
    answer.refused(ProblemCode::NotFound)?;
    let no_fork = ForkId::new(own, here.message.seq());
    for fork in [there.fork, no_fork] {
        for operation in ["resolve", "abandon"] {
            let path = format!("/v1/chats/{own}/forks/{fork}/{operation}");
            stranger.call(Method::POST, &path).send().await?.refused(ProblemCode::NotFound)?;
        }
        let path = format!("/v1/chats/{own}/forks/{fork}/accept");
        let body = serde_json::json!({"summary": "x"});
        stranger.send(Method::POST, &path, &body).await?.refused(ProblemCode::NotFound)?;
        let path = format!("/v1/chats/{own}/events?fork={fork}");
        stranger.get(&path).await?.refused(ProblemCode::NotFound)?;
    }
    // The other's chat itself.
    stranger.forking(there.message, "x", "x").send().await?.refused(ProblemCode::NotFound)?;
    stranger.posting_in(there.fork, "x", "x").send().await?.refused(ProblemCode::NotFound)?;
    stranger.accepting(there.fork, "x", None, &[]).send().await?.refused(ProblemCode::NotFound)?;
    for operation in ["resolve", "abandon"] {
        stranger.fork_call(there.fork, operation).send().await?.refused(ProblemCode::NotFound)?;
    }
    let path = format!("/v1/chats/{}/forks", there.chat.id);
    stranger.get(&path).await?.refused(ProblemCode::NotFound)?;
    assert_eq!(there.log().await?, before);
    Ok(())
}
