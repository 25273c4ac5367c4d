//! Channels and chats: who sees which, what lists show, who takes part.

use anyhow::{Context as _, Result};
use e2e::{Person, Team, World, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use slipway_contract::events::EventBody;
use slipway_contract::http::channels::{Channel, Visibility};
use slipway_contract::http::chats::{Chat, ChatSummary};
use slipway_contract::http::orgs::Role;
use slipway_contract::http::page::Page;
use slipway_contract::socket::ClientFrame;
use slipway_contract::{ParticipantId, ParticipantRole, ProblemCode};

async fn names_seen(team: &Team, person: &Person) -> Result<Vec<String>> {
    Ok(person.channels(team.org).await?.into_iter().map(|channel| channel.name).collect())
}

/// The chat's row in the list once it is as wanted.
async fn row(
    person: &Person,
    chat: &Chat,
    what: &str,
    is: impl Fn(&ChatSummary) -> bool,
) -> Result<ChatSummary> {
    eventually(what, async || Ok(person.summary(chat).await?.filter(|row| is(row)))).await
}

#[tokio::test]
async fn a_public_channel_is_seen_by_all_but_guests_and_a_private_one_by_those_added() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    let maker = team.join("Maker", Role::Member).await?;
    let guest = team.join("Guest", Role::Guest).await?;
    maker.channel(team.org, "open", Visibility::Public).await?;
    let closed = maker.channel(team.org, "closed", Visibility::Private).await?;
    assert_eq!(names_seen(&team, &team.owner).await?, ["general", "open"]);
    assert_eq!(names_seen(&team, &maker).await?, ["closed", "general", "open"]);
    assert_eq!(names_seen(&team, &guest).await?, Vec::<String>::new());

    let inside = maker.chat(team.org, closed.id, "Inside").await?;
    let path = format!("/v1/orgs/{}/channels/{}", team.org, closed.id);
    for outsider in [&team.owner, &guest] {
        for part in ["chats", "members"] {
            outsider.get(&format!("{path}/{part}")).await?.refused(ProblemCode::NotFound)?;
        }
        outsider.try_admit(inside.id, outsider.id()).await?.refused(ProblemCode::NotFound)?;
        let added = outsider.add_to_channel(team.org, closed.id, outsider.id()).await?;
        added.refused(ProblemCode::NotFound)?;
    }
    maker.add_to_channel(team.org, closed.id, guest.id()).await?.done()?;
    maker.add_to_channel(team.org, closed.id, guest.id()).await?.done()?;
    assert_eq!(names_seen(&team, &guest).await?, ["closed"]);
    assert_eq!(guest.chats(team.org, closed.id).await?.len(), 1);
    guest.admit(inside.id, guest.id()).await?;
    guest.post(inside.id, "g", "hello").await.map(drop)
}

#[tokio::test]
async fn a_guest_makes_no_channel_no_chat_and_adds_nobody() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    let (bo, guest) = (team.join("Bo", Role::Member).await?, team.join("Guest", Role::Guest).await?);
    team.owner.add_to_channel(team.org, team.channel, guest.id()).await?.done()?;
    let orgs = format!("/v1/orgs/{}", team.org);
    for (path, body) in [
        (format!("{orgs}/channels"), json!({"name": "mine", "visibility": "public"})),
        (format!("{orgs}/channels/{}/chats", team.channel), json!({"title": "Mine"})),
        (format!("{orgs}/channels/{}/members", team.channel), json!({"user": bo.id()})),
        (format!("{orgs}/agents"), json!({"slug": "mine", "name": "Mine", "model": "demo"})),
    ] {
        guest.send(Method::POST, &path, &body).await?.refused(ProblemCode::Forbidden)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_channel_has_a_plain_name_that_no_other_has() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    let make = async |body: Value| {
        team.owner.send(Method::POST, &format!("/v1/orgs/{}/channels", team.org), &body).await
    };
    make(json!({"name": "general", "visibility": "private"})).await?.refused(ProblemCode::NameTaken)?;
    for name in ["", "-x", "x-", "two words", "a/b", "ü", &"x".repeat(81)] {
        let problem = make(json!({"name": name, "visibility": "public"})).await?;
        assert_eq!(problem.refused(ProblemCode::InvalidField)?.field.as_deref(), Some("name"), "{name}");
    }
    let topic = make(json!({"name": "long", "visibility": "public", "topic": "x".repeat(251)})).await?;
    assert_eq!(topic.refused(ProblemCode::InvalidField)?.field.as_deref(), Some("topic"));
    Ok(())
}

#[tokio::test]
async fn a_list_is_paged_without_leaving_out_or_repeating() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    for n in 0..4 {
        team.owner.channel(team.org, &format!("c{n}"), Visibility::Public).await?;
    }
    let mut seen: Vec<String> = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/orgs/{}/channels?limit=2{cursor}", team.org);
        let page: Page<Channel> = team.owner.get(&path).await?.read()?;
        assert!(page.items.len() <= 2);
        seen.extend(page.items.into_iter().map(|channel| channel.name));
        let Some(next) = page.next_cursor else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ["c0", "c1", "c2", "c3", "general"]);

    let mut titles = Vec::new();
    for n in 0..5 {
        let chat = team.chat(&format!("Chat {n}"), &[]).await?;
        row(&team.owner, &chat, "the new chat in the list", |_| true).await?;
    }
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/orgs/{}/channels/{}/chats?limit=2{cursor}", team.org, team.channel);
        let page: Page<ChatSummary> = team.owner.get(&path).await?.read()?;
        titles.extend(page.items.into_iter().map(|chat| chat.title));
        let Some(next) = page.next_cursor else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(titles, ["Chat 4", "Chat 3", "Chat 2", "Chat 1", "Chat 0"]);
    Ok(())
}

#[tokio::test]
async fn the_list_of_chats_follows_the_chats() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    let bo = team.join("Bo", Role::Member).await?;
    let quiet = team.chat("Quiet", &[&bo]).await?;
    let chat = team.chat("Busy", &[&bo]).await?;
    let first = row(&team.owner, &chat, "the new chat", |_| true).await?;
    assert_eq!((first.title.as_str(), first.message_count, first.unread), ("Busy", 0, 0));

    bo.post(quiet.id, "q", "one more").await?;
    bo.post(chat.id, "a", "first").await?;
    let long = format!("second {}", "é".repeat(300));
    bo.post(chat.id, "b", &long).await?;
    let seen = row(&team.owner, &chat, "two messages", |row| row.message_count == 2).await?;
    assert_eq!((seen.unread, seen.participant), (2, true));
    assert!(seen.preview.starts_with("second é") && seen.preview.chars().count() <= 140, "{}", seen.preview);
    assert!(seen.last_message_at >= first.last_message_at);
    let own = row(&bo, &chat, "two messages", |row| row.message_count == 2).await?;
    assert_eq!(own.unread, 0, "one's own messages are read");
    let order: Vec<_> = team.owner.chats(team.org, team.channel).await?.iter().map(|row| row.id).collect();
    assert_eq!(order, [chat.id, quiet.id]);
    let channel = async || -> Result<u64> {
        let channels = team.owner.channels(team.org).await?;
        Ok(channels.iter().find(|channel| channel.id == team.channel).context("no channel")?.unread)
    };
    eventually("three unread in the channel", async || Ok((channel().await? == 3).then_some(()))).await?;

    let mut socket = team.owner.socket(chat.id, None).await?;
    socket.send(&ClientFrame::Read { seq: socket.head }).await?;
    row(&team.owner, &chat, "nothing unread", |row| row.unread == 0).await?;
    assert_eq!(team.owner.describe(chat.id).await?.unread, 0);
    eventually("one unread in the channel", async || Ok((channel().await? == 1).then_some(()))).await?;

    let stranger = team.join("Late", Role::Member).await?;
    let outside = row(&stranger, &chat, "the chat in the channel", |_| true).await?;
    assert_eq!((outside.participant, outside.unread), (false, 0));
    Ok(())
}

#[tokio::test]
async fn a_participant_renames_the_chat_and_the_list_follows() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    let (bo, late) = (team.join("Bo", Role::Member).await?, team.join("Late", Role::Member).await?);
    let chat = team.chat("Before", &[&bo]).await?;
    let rename = async |who: &Person, title: &str| {
        who.send(Method::PATCH, &format!("/v1/chats/{}", chat.id), &json!({"title": title})).await
    };
    let renamed: Chat = rename(&bo, " After ").await?.read()?;
    assert_eq!((renamed.title.as_str(), renamed.head), ("After", chat.head.next().next()));
    // The same again is no event.
    assert_eq!(rename(&bo, "After").await?.read::<Chat>()?.head, renamed.head);
    for wrong in ["", " ", "two\nlines", &"x".repeat(121)] {
        rename(&bo, wrong).await?.refused(ProblemCode::InvalidField)?;
    }
    rename(&late, "Mine").await?.refused(ProblemCode::NotFound)?;
    row(&team.owner, &chat, "the new title", |row| row.title == "After").await?;
    let last = team.owner.log(chat.id).await?.pop().context("no event")?;
    assert_eq!(last.body, EventBody::ChatRenamed { title: "After".to_owned() });
    Ok(())
}

#[tokio::test]
async fn members_come_into_a_chat_by_themselves_and_guests_only_where_they_were_added() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    let (bo, guest) = (team.join("Bo", Role::Member).await?, team.join("Guest", Role::Guest).await?);
    let chat = team.chat("Open", &[]).await?;
    bo.get(&format!("/v1/chats/{}", chat.id)).await?.refused(ProblemCode::NotFound)?;
    bo.admit(chat.id, bo.id()).await?;
    bo.admit(chat.id, bo.id()).await?;
    guest.try_admit(chat.id, guest.id()).await?.refused(ProblemCode::NotFound)?;
    bo.try_admit(chat.id, guest.id()).await?.refused(ProblemCode::InvalidField)?;
    let stranger = world.person("Stranger").await?;
    bo.try_admit(chat.id, stranger.id()).await?.refused(ProblemCode::InvalidField)?;
    let neither = bo.send(Method::POST, &format!("/v1/chats/{}/participants", chat.id), &json!({})).await?;
    neither.refused(ProblemCode::InvalidField)?;

    let people = team.owner.describe(chat.id).await?.participants;
    let people: Vec<_> = people.iter().map(|one| (one.name.as_str(), one.role)).collect();
    let expected = [("Acme Owner", ParticipantRole::Moderator), ("Bo", ParticipantRole::Member)];
    assert_eq!(people, expected);
    // Once in: one event each, however often one asks.
    let joined = team.owner.log(chat.id).await?;
    let joined = joined.iter().filter(|event| matches!(event.body, EventBody::ParticipantJoined { .. }));
    assert_eq!(joined.count(), 2);
    Ok(())
}

#[tokio::test]
async fn a_moderator_puts_others_out_and_everybody_leaves_by_themselves() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    let (bo, cy) = (team.join("Bo", Role::Member).await?, team.join("Cy", Role::Member).await?);
    let chat = team.chat("Open", &[&bo, &cy]).await?;
    let person = |who: &Person| ParticipantId::User { id: who.id() };
    bo.dismiss(chat.id, person(&cy)).await?.refused(ProblemCode::Forbidden)?;
    let mut socket = cy.socket(chat.id, None).await?;
    team.owner.dismiss(chat.id, person(&cy)).await?.done()?;
    assert_eq!(socket.closed().await?.0, slipway_contract::socket::close::REMOVED);
    cy.posting(chat.id, "c", "hello?").send().await?.refused(ProblemCode::NotFound)?;
    team.owner.dismiss(chat.id, person(&cy)).await?.refused(ProblemCode::NotFound)?;
    bo.dismiss(chat.id, person(&bo)).await?.done()?;
    bo.get(&format!("/v1/chats/{}/events", chat.id)).await?.refused(ProblemCode::NotFound)?;
    assert_eq!(team.owner.describe(chat.id).await?.participants.len(), 1);
    row(&bo, &chat, "no part in it", |row| !row.participant && row.unread == 0).await.map(drop)
}

#[tokio::test]
async fn agents_take_part_when_they_are_of_the_org_and_switched_on() -> Result<()> {
    let world = World::shared()?;
    let (team, others) = (world.team("Acme").await?, world.team("Other").await?);
    let (helper, off) =
        (team.owner.agent(team.org, "helper").await?, team.owner.agent(team.org, "off").await?);
    team.owner.enable(team.org, off.id, false).await?;
    let foreign = others.owner.agents(others.org).await?.pop().context("no agent")?;
    let chat = team.chat("With agents", &[]).await?;
    let path = format!("/v1/chats/{}/participants", chat.id);
    let add = async |agent| team.owner.send(Method::POST, &path, &json!({"agent": agent})).await;
    add(off.id).await?.refused(ProblemCode::InvalidField)?;
    add(foreign.id).await?.refused(ProblemCode::InvalidField)?;
    add(helper.id).await?.done()?;
    let begin = async |agents: Value| {
        let path = format!("/v1/orgs/{}/channels/{}/chats", team.org, team.channel);
        team.owner.send(Method::POST, &path, &json!({"title": "Begun", "agents": agents})).await
    };
    begin(json!([off.id])).await?.refused(ProblemCode::InvalidField)?;
    begin(json!([foreign.id])).await?.refused(ProblemCode::InvalidField)?;
    let begun: Chat = begin(json!([helper.id, helper.id])).await?.read()?;
    assert_eq!(begun.participants.len(), 2);
    let set = async |agent: Value| {
        let body = json!({"default_agent": agent});
        team.owner.send(Method::PATCH, &format!("/v1/chats/{}", chat.id), &body).await
    };
    set(json!(foreign.id)).await?.refused(ProblemCode::InvalidField)?;
    assert_eq!(set(json!(helper.id)).await?.read::<Chat>()?.default_agent, Some(helper.id));
    team.owner.dismiss(chat.id, ParticipantId::Agent { id: helper.id }).await?.done()?;
    assert_eq!(team.owner.describe(chat.id).await?.default_agent, None);
    Ok(())
}
