//! Finding messages, in one chat and across the org: what was said, edited and deleted; by whom; whatever is typed; and
//! while Postgres is away.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::Result;
use e2e::dice::Dice;
use e2e::{Team, World, eventually};
use slipway_contract::http::channels::Visibility;
use slipway_contract::http::orgs::Role;
use slipway_contract::http::page::Page;
use slipway_contract::http::search::Found;
use slipway_contract::{Actor, MessageId, ParticipantId, ProblemCode};
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};

#[tokio::test]
async fn what_was_said_is_found_at_once_in_its_chat_and_soon_across_the_org() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let posted = bo.post(chat.id, "one", "We roll back the Café gateway").await?;
    for typed in ["gateway", "cafe", "CAFÉ gate", "\"roll back\"", "!!! roll"] {
        assert_eq!(team.owner.search_chat(chat.id, typed).await?, [posted.message], "{typed}");
    }
    for typed in ["\"back roll\"", "ateway", "gate back roll x", "🚀"] {
        assert!(team.owner.search_chat(chat.id, typed).await?.is_empty(), "{typed}");
    }
    let begun = Instant::now();
    let found: Found = eventually("the message across the org", async || {
        let page: Page<Found> = team.owner.try_search_org(team.org, "roll gate", "").await?.read()?;
        Ok(page.items.into_iter().next())
    })
    .await?;
    println!("found across the org {:.2} s after it was posted", begun.elapsed().as_secs_f64());
    assert_eq!((found.message, found.chat, found.channel), (posted.message, chat.id, chat.channel));
    assert_eq!((found.chat_title.as_str(), found.author), ("Talk", Actor::User { id: bo.id() }));
    let parts = found.excerpt.iter().map(|part| (part.text.as_str(), part.hit)).collect::<Vec<_>>();
    assert_eq!(parts, [("We ", false), ("roll", true), (" back the Café ", false), ("gateway", true)]);
    let page: Page<Found> = team.owner.try_search_chat(chat.id, "roll gate", "").await?.read()?;
    assert_eq!(page.items, [found]);
    Ok(())
}

#[tokio::test]
async fn an_edit_is_found_in_its_new_words_and_what_was_deleted_not_at_all() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let edited = bo.post(chat.id, "edited", "alpha common").await?.message;
    let deleted = bo.post(chat.id, "deleted", "beta common").await?.message;
    let kept = bo.post(chat.id, "kept", "gamma common").await?.message;
    assert_eq!(bo.search_chat(chat.id, "common").await?, [kept, deleted, edited]);
    eventually("all three across the org", async || {
        Ok((bo.search_org(team.org, "common").await?.len() == 3).then_some(()))
    })
    .await?;
    bo.edit(edited, "delta common").await?.done()?;
    bo.edit(deleted, "epsilon common").await?.done()?;
    bo.delete(deleted).await?.done()?;
    let expected = [("alpha", vec![]), ("beta", vec![]), ("epsilon", vec![]), ("delta", vec![edited])];
    for (typed, messages) in &expected {
        assert_eq!(&bo.search_chat(chat.id, typed).await?, messages, "{typed}");
    }
    assert_eq!(bo.search_chat(chat.id, "common").await?, [kept, edited]);
    eventually("the changes across the org", async || {
        for (typed, messages) in &expected {
            if &bo.search_org(team.org, typed).await? != messages {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await?;
    assert_eq!(bo.search_org(team.org, "common").await?, [kept, edited]);
    Ok(())
}

#[tokio::test]
async fn one_finds_what_one_may_see_and_strangers_nothing_by_any_way() -> Result<()> {
    let world = World::shared()?;
    let (team, bo, open) = Team::of_two(&world).await?;
    let guest = team.join("Guest", Role::Guest).await?;
    let private = team.owner.channel(team.org, "hidden", Visibility::Private).await?;
    let hidden = team.owner.chat(team.org, private.id, "Hidden").await?;
    let public = bo.post(open.id, "public", "needle in the open").await?.message;
    let secret = team.owner.post(hidden.id, "secret", "needle in the dark").await?.message;
    eventually("both messages across the org", async || {
        Ok((team.owner.search_org(team.org, "needle").await?.len() == 2).then_some(()))
    })
    .await?;
    assert_eq!(bo.search_org(team.org, "needle").await?, [public]);
    assert!(guest.search_org(team.org, "needle").await?.is_empty());
    let narrowed = format!("&channel={}", private.id);
    let page: Page<Found> = bo.try_search_org(team.org, "needle", &narrowed).await?.read()?;
    assert!(page.items.is_empty());
    bo.try_search_chat(hidden.id, "needle", "").await?.refused(ProblemCode::NotFound)?;

    // Added to the private channel, they find what stands there.
    for who in [&bo, &guest] {
        team.owner.add_to_channel(team.org, private.id, who.id()).await?.done()?;
    }
    let both: BTreeSet<MessageId> = bo.search_org(team.org, "needle").await?.into_iter().collect();
    assert_eq!(both, BTreeSet::from([public, secret]));
    assert_eq!(guest.search_org(team.org, "needle").await?, [secret]);

    // Another org, with and without naming ours; and a filter that names our channel.
    let other = world.team("Other").await?;
    other.owner.at(team.org).try_search_org(team.org, "needle", "").await?.refused(ProblemCode::NotFound)?;
    let nowhere = other.owner.nowhere();
    nowhere.try_search_org(team.org, "needle", "").await?.refused(ProblemCode::OrgContextRequired)?;
    other.owner.try_search_org(team.org, "needle", "").await?.refused(ProblemCode::OrgContextMismatch)?;
    other.owner.try_search_chat(open.id, "needle", "").await?.refused(ProblemCode::NotFound)?;
    for filter in ["", &narrowed, &format!("&author={}", bo.id())] {
        let page: Page<Found> = other.owner.try_search_org(other.org, "needle", filter).await?.read()?;
        assert!(page.items.is_empty(), "{filter}");
    }

    // Put out of the chat, and then of the org.
    team.owner.dismiss(open.id, ParticipantId::User { id: bo.id() }).await?.done()?;
    bo.try_search_chat(open.id, "needle", "").await?.refused(ProblemCode::NotFound)?;
    let member = team.owner.member(team.org, bo.id()).await?;
    team.owner.put_out(team.org, member.id).await?.done()?;
    bo.try_search_org(team.org, "needle", "").await?.refused(ProblemCode::NotFound)?;
    Ok(())
}

#[tokio::test]
async fn filters_and_pages_hold_each_message_once() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let mut said = Vec::new();
    for number in 0..9 {
        let who = if number % 3 == 0 { &team.owner } else { &bo };
        said.push(who.post(chat.id, &format!("{number}"), &format!("page word {number}")).await?);
    }
    eventually("all of them across the org", async || {
        Ok((bo.search_org(team.org, "page word").await?.len() == 9).then_some(()))
    })
    .await?;
    let newest_first = said.iter().rev().map(|posted| posted.message).collect::<Vec<_>>();
    for in_chat in [true, false] {
        let (mut found, mut cursor): (Vec<MessageId>, _) = (Vec::new(), String::new());
        loop {
            let more = format!("&limit=4{cursor}");
            let answer = if in_chat {
                bo.try_search_chat(chat.id, "page", &more).await?
            } else {
                bo.try_search_org(team.org, "page", &more).await?
            };
            let page: Page<Found> = answer.read()?;
            found.extend(page.items.into_iter().map(|found| found.message));
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, newest_first, "in the chat: {in_chat}");
    }
    let (third, sixth) = (said[3].at, said[6].at);
    for (filter, expected) in [
        (format!("&author={}", team.owner.id()), vec![6, 3, 0]),
        (format!("&author={}&from={third}&to={sixth}", team.owner.id()), vec![3]),
        (format!("&channel={}&from={sixth}", chat.channel), vec![8, 7, 6]),
    ] {
        let page: Page<Found> = bo.try_search_org(team.org, "page", &filter).await?.read()?;
        let found = page.items.into_iter().map(|found| found.message).collect::<Vec<_>>();
        let expected = expected.into_iter().map(|number: usize| said[number].message).collect::<Vec<_>>();
        assert_eq!(found, expected, "{filter}");
    }
    Ok(())
}

#[tokio::test]
async fn whatever_is_typed_is_text_and_what_is_no_parameter_is_refused() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let large = format!("needle {}", "é".repeat(32 * 1024 - 8));
    let message = bo.post(chat.id, "large", &large).await?.message;
    assert_eq!(bo.search_chat(chat.id, "needle").await?, [message]);
    let pieces = [
        "needle",
        "AND",
        "OR",
        "NOT",
        "NEAR(",
        ")",
        "\"",
        "'",
        "*",
        ":",
        "^",
        "-",
        "\\",
        "\0",
        "{",
        "}",
        "&",
        "|",
        "!",
        "<->",
        ":*",
        "%",
        "_",
        "\u{202e}",
        "שלום",
        "مرحبا",
        "🚀",
        "👩‍👩‍👧",
        "e\u{301}",
        "日本語",
        "हिन्दी",
        " ",
        "\n",
        "--",
        ";",
        "/*",
    ];
    let mut typed = vec!["!".repeat(200), "\"".repeat(199), "é".repeat(200), "a ".repeat(100), "\0".into()];
    let mut dice = Dice::new(7);
    for _ in 0..120 {
        let count = dice.roll(1, 12);
        typed.push((0..count).map(|_| pieces[dice.roll(0, pieces.len() as u64) as usize]).collect());
    }
    for typed in &typed {
        for answer in
            [bo.try_search_chat(chat.id, typed, "").await?, bo.try_search_org(team.org, typed, "").await?]
        {
            assert_eq!(answer.status, 200, "{typed:?}: {answer}");
        }
    }
    for nothing in ["!!!", "🚀", "\0", "\"\"", " "] {
        assert!(bo.search_chat(chat.id, nothing).await?.is_empty(), "{nothing:?}");
        assert!(bo.search_org(team.org, nothing).await?.is_empty(), "{nothing:?}");
    }
    let long = "x".repeat(201);
    for (typed, more) in [
        ("", ""),
        (long.as_str(), ""),
        ("x", "&limit=0"),
        ("x", "&limit=51"),
        ("x", "&limit=x"),
        ("x", "&cursor=%21"),
        ("x", "&other=1"),
        ("x", "&cursor="),
    ] {
        for answer in
            [bo.try_search_chat(chat.id, typed, more).await?, bo.try_search_org(team.org, typed, more).await?]
        {
            answer.refused(ProblemCode::InvalidParameter)?;
        }
    }
    for more in ["&author=x", "&channel=x", "&from=yesterday", "&author=system"] {
        bo.try_search_org(team.org, "x", more).await?.refused(ProblemCode::InvalidParameter)?;
    }
    eventually("the large message across the org", async || {
        Ok((bo.search_org(team.org, "needle").await? == [message]).then_some(()))
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_while_postgres_is_away_is_found_once_it_is_back() -> Result<()> {
    let mut bed = block_in_place(|| Testbed::start(Options::default()))?;
    let world = World::of(&bed)?;
    let (team, bo, chat) = Team::of_two(&world).await?;
    bo.post(chat.id, "before", "before the storm").await?;
    eventually("the first message across the org", async || {
        Ok((bo.search_org(team.org, "storm").await?.len() == 1).then_some(()))
    })
    .await?;
    block_in_place(|| bed.postgres.stop());

    // More than is told at a time; one of them is edited, one deleted.
    let mut socket = bo.socket(chat.id, None).await?;
    let mut said = Vec::new();
    for number in 0..1_200 {
        said.push(
            socket.post(&format!("client-{number}"), &format!("storm number n{number}")).await?.message,
        );
    }
    bo.edit(said[10], "storm, edited meanwhile").await?.done()?;
    bo.delete(said[20]).await?.done()?;
    bo.try_search_org(team.org, "storm", "").await?.refused(ProblemCode::Unavailable)?;
    assert_eq!(bo.search_chat(chat.id, "n1199").await?, [said[1199]]);
    assert_eq!(bo.search_chat(chat.id, "meanwhile").await?, [said[10]]);

    block_in_place(|| bed.postgres.start_again())?;
    let begun = Instant::now();
    eventually("the last message across the org", async || {
        let answer = bo.try_search_org(team.org, "meanwhile", "").await?;
        if answer.status == 503 {
            return Ok(None);
        }
        let page: Page<Found> = answer.read()?;
        Ok(page.items.first().map(|found| found.message == said[10]))
    })
    .await?;
    println!("search caught up {:.1} s after Postgres came back", begun.elapsed().as_secs_f64());
    let mut found = BTreeSet::new();
    let mut cursor = String::new();
    loop {
        let page: Page<Found> =
            bo.try_search_org(team.org, "storm number", &format!("&limit=50{cursor}")).await?.read()?;
        found.extend(page.items.into_iter().map(|found| found.message));
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    // The best of the newest thousand are shown; each of the others is found by its own word.
    assert_eq!(found.len(), 1_000);
    for number in [0, 1, 9, 11, 19, 21, 150, 499, 500, 501, 999, 1_000] {
        assert_eq!(bo.search_org(team.org, &format!("\"n{number}\"")).await?, [said[number]], "{number}");
    }
    for gone in ["\"n10\"", "\"n20\""] {
        assert!(bo.search_org(team.org, gone).await?.is_empty(), "{gone}");
    }
    Ok(())
}
