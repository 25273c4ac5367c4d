//! The org's search: what chats tell, in any order; what is found, by whom; and whatever people may type.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, TestRunner};
use slipway_contract::http::channels::Visibility;
use slipway_contract::http::orgs::Role;
use slipway_contract::http::search::Found;
use slipway_contract::objects::projection::{ChatProjection, MessageProjection};
use slipway_contract::{Actor, ForkId, MessageId, ParticipantId, Seq, UserId};
use slipway_domain::search::Query;
use slipway_store::channels::NewChannel;
use slipway_store::messages::{Filters, Place, search};
use slipway_store::page::Page;
use slipway_store::{OrgDb, StoreError, channels, chats};

use crate::fixture::{self, NOW, Tenant, message};
use crate::server::Server;

fn telling(tenant: &Tenant, messages: Vec<MessageProjection>) -> ChatProjection {
    ChatProjection { messages, ..fixture::projection(tenant, 2) }
}

async fn tell(db: &mut OrgDb, tenant: &Tenant, messages: Vec<MessageProjection>) {
    chats::project(db, &telling(tenant, messages)).await.unwrap();
}

async fn look(db: &mut OrgDb, user: UserId, role: Role, typed: &str, filters: &Filters) -> Vec<Found> {
    let page = Page { limit: 50, after: None };
    let query = Query::parse(typed).unwrap();
    let found = search(db, user, role, &query, filters, &page).await.unwrap();
    found.items.into_iter().map(|(_, found)| found).collect()
}

/// Numbers of the messages that the tenant's owner finds, the best first.
async fn found(db: &mut OrgDb, tenant: &Tenant, typed: &str) -> Vec<u64> {
    let found = look(db, tenant.owner.id, Role::Owner, typed, &Filters::default()).await;
    found.iter().map(|found| found.message.seq().0).collect()
}

#[tokio::test]
async fn words_phrases_and_beginnings_are_found_the_newest_first() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let said = [
        (1, "We roll back the gateway"),
        (2, "The gateway is back"),
        (3, "Café: see https://example.org/docs/gateway-plan?x=1"),
        (4, "nothing"),
    ];
    tell(&mut db, &tenant, said.map(|(seq, text)| message(&tenant, seq, text)).to_vec()).await;
    for (typed, expected) in [
        ("gateway", vec![3, 2, 1]),
        ("GATE", vec![3, 2, 1]),
        ("gate back", vec![]),
        ("back gate", vec![2, 1]),
        ("\"roll back\"", vec![1]),
        ("\"back roll\"", vec![]),
        ("cafe\u{301}", vec![3]),
        ("docs/gateway", vec![3]),
        ("example.org", vec![3]),
        ("ateway", vec![]),
        ("!!!", vec![]),
        (&format!("'{}'", tenant.org), vec![]),
    ] {
        assert_eq!(found(&mut db, &tenant, typed).await, expected, "{typed}");
    }
}

#[tokio::test]
async fn what_stands_close_together_and_often_comes_first() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let said = [
        (1, "ship the gateway, ship the gateway"),
        (2, "ship the gateway"),
        (3, "ship all of it, and later perhaps also the gateway"),
    ];
    tell(&mut db, &tenant, said.map(|(seq, text)| message(&tenant, seq, text)).to_vec()).await;
    assert_eq!(found(&mut db, &tenant, "ship gateway").await, [1, 2, 3]);
}

#[tokio::test]
async fn what_is_found_says_where_it_stands_and_shows_the_hit() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let fork = ForkId::new(tenant.chat, Seq(2));
    let mut told = message(&tenant, 5, "a\0b <b>bold</b> ship it");
    told.fork = Some(fork);
    told.author = Actor::Agent { id: tenant.agent };
    tell(&mut db, &tenant, vec![told.clone()]).await;
    let found = look(&mut db, tenant.owner.id, Role::Owner, "ship", &Filters::default()).await.remove(0);
    let parts = found.excerpt.iter().map(|part| (part.text.as_str(), part.hit)).collect::<Vec<_>>();
    assert_eq!(parts, [("a\u{fffd}b <b>bold</b> ", false), ("ship", true), (" it", false)]);
    assert_eq!((found.message, found.chat, found.channel), (told.message, tenant.chat, tenant.channel));
    assert_eq!((found.fork, found.author, found.at), (Some(fork), told.author, told.at));
    assert_eq!(found.chat_title, "Title at 2");
}

#[tokio::test]
async fn a_message_never_goes_back_and_a_deleted_one_leaves_no_word() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let version = |version, text: Option<&str>| MessageProjection {
        version: Seq(version),
        text: text.map(str::to_owned),
        ..message(&tenant, 1, "")
    };
    let mut seen = Vec::new();
    for told in [
        vec![version(4, Some("second"))],
        vec![version(1, Some("first"))],
        vec![version(4, Some("repeated"))],
        vec![version(6, Some("fourth")), version(5, Some("third"))],
        vec![version(9, None)],
        vec![version(6, Some("fourth"))],
    ] {
        tell(&mut db, &tenant, told).await;
        let mut there = Vec::new();
        for typed in ["first", "second", "repeated", "third", "fourth"] {
            if !found(&mut db, &tenant, typed).await.is_empty() {
                there.push(typed);
            }
        }
        seen.push(there.join(" "));
    }
    assert_eq!(seen, ["second", "second", "second", "fourth", "", ""]);
    let db = db.commit().await.unwrap();
    let row = server
        .admin()
        .await
        .query_one(
            "SELECT text, words::text FROM messages WHERE chat_id = $1 AND seq = 1",
            &[&tenant.chat.to_string()],
        )
        .await
        .unwrap();
    assert_eq!((row.get::<_, Option<String>>(0), row.get::<_, String>(1)), (None, String::new()));
    drop(db);
}

#[tokio::test]
async fn one_finds_what_stands_in_channels_that_one_sees() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, member, _) = fixture::joined(db, &tenant, Role::Member).await;
    let (db, admin, _) = fixture::joined(db, &tenant, Role::Admin).await;
    let (db, guest, _) = fixture::joined(db, &tenant, Role::Guest).await;
    let mut db = db.org(tenant.org);
    let hidden = Tenant { channel: fixture::channel_id(), chat: fixture::chat_id(), ..tenant.clone() };
    let private =
        NewChannel { id: hidden.channel, name: "hidden", visibility: Visibility::Private, topic: "" };
    channels::create(&mut db, &private, tenant.owner.id, NOW).await.unwrap();
    tell(&mut db, &tenant, vec![message(&tenant, 1, "open word")]).await;
    tell(&mut db, &hidden, vec![message(&hidden, 1, "hidden word")]).await;

    let people = [
        ("owner", tenant.owner.id, Role::Owner),
        ("member", member.id, Role::Member),
        ("admin", admin.id, Role::Admin),
        ("guest", guest.id, Role::Guest),
    ];
    let mut seen = Vec::new();
    for round in 0..2 {
        for (name, user, role) in people {
            let found = look(&mut db, user, role, "word", &Filters::default()).await;
            let mut channels = found.iter().map(|found| found.channel).collect::<Vec<_>>();
            channels.sort_unstable();
            let listed =
                channels::list(&mut db, user, role, &Page { limit: 50, after: None }).await.unwrap().items;
            let mut expected = listed.iter().map(|channel| channel.id).collect::<Vec<_>>();
            expected.sort_unstable();
            assert_eq!(channels, expected, "{name} finds what the list of channels shows");
            seen.push(format!("{name} {}", channels.len()));
        }
        if round == 0 {
            for who in [&member, &guest] {
                channels::add_member(&mut db, hidden.channel, who.id, tenant.owner.id, NOW).await.unwrap();
            }
        }
    }
    assert_eq!(
        seen,
        ["owner 2", "member 1", "admin 1", "guest 0", "owner 2", "member 2", "admin 1", "guest 1"]
    );
}

#[tokio::test]
async fn filters_narrow_what_is_found() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let other = Tenant { channel: fixture::channel_id(), chat: fixture::chat_id(), ..tenant.clone() };
    let second = NewChannel { id: other.channel, name: "second", visibility: Visibility::Public, topic: "" };
    channels::create(&mut db, &second, tenant.owner.id, NOW).await.unwrap();
    let by_agent = MessageProjection {
        author: Actor::Agent { id: tenant.agent },
        ..message(&tenant, 2, "word by the agent")
    };
    tell(&mut db, &tenant, vec![message(&tenant, 1, "word"), by_agent]).await;
    tell(&mut db, &other, vec![message(&other, 3, "word elsewhere")]).await;
    let at = |seq: i64| Some(NOW.plus_ms(seq * 1000));
    let all = Filters::default();
    for (filters, expected) in [
        (all, vec![3, 2, 1]),
        (Filters { channel: Some(other.channel), ..all }, vec![3]),
        (Filters { channel: Some(fixture::channel_id()), ..all }, vec![]),
        (Filters { author: Some(ParticipantId::Agent { id: tenant.agent }), ..all }, vec![2]),
        (Filters { author: Some(ParticipantId::User { id: tenant.owner.id }), ..all }, vec![3, 1]),
        (Filters { from: at(2), ..all }, vec![3, 2]),
        (Filters { to: at(2), ..all }, vec![1]),
        (Filters { from: at(2), to: at(3), channel: Some(tenant.channel), ..all }, vec![2]),
    ] {
        let found = look(&mut db, tenant.owner.id, Role::Owner, "word", &filters).await;
        let seqs = found.iter().map(|found| found.message.seq().0).collect::<Vec<_>>();
        assert_eq!(seqs, expected, "{filters:?}");
    }
}

#[tokio::test]
async fn pages_hold_everything_once_though_more_comes_meanwhile() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    // Three ranks, and times that many share.
    let said = |seq: u64| MessageProjection {
        at: NOW.plus_ms(i64::try_from(seq / 4).unwrap()),
        ..message(
            &tenant,
            seq,
            ["word", "word word", "word and another word"][usize::try_from(seq % 3).unwrap()],
        )
    };
    tell(&mut db, &tenant, (1..=40).map(said).collect()).await;
    let query = Query::parse("word").unwrap();
    let (mut places, mut seqs): (Vec<Place>, Vec<u64>) = Default::default();
    loop {
        let page = Page { limit: 7, after: places.last().copied() };
        let slice = search(&mut db, tenant.owner.id, Role::Owner, &query, &Filters::default(), &page).await;
        let slice = slice.unwrap();
        seqs.extend(slice.items.iter().map(|(_, found)| found.message.seq().0));
        places.extend(slice.items.iter().map(|(place, _)| *place));
        // What comes stands before the pages that were read.
        let seq = 1_000 + u64::try_from(seqs.len()).unwrap();
        tell(&mut db, &tenant, vec![message(&tenant, seq, "word word word word")]).await;
        if !slice.more {
            break;
        }
    }
    assert!(places.windows(2).all(|pair| pair[0] > pair[1]), "{places:?}");
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=40).collect::<Vec<_>>());
}

#[tokio::test]
async fn another_org_finds_nothing_by_any_way() {
    let server = Server::get();
    let (db, victim) = fixture::tenant(server.db().await).await;
    let (db, other) = fixture::tenant(db).await;
    let mut db = db.org(victim.org);
    tell(&mut db, &victim, vec![message(&victim, 1, "secret word")]).await;
    let mut db = db.commit().await.unwrap().org(other.org);
    tell(&mut db, &other, vec![message(&other, 1, "own word")]).await;
    let filters = Filters { channel: Some(victim.channel), ..Filters::default() };
    for user in [other.owner.id, victim.owner.id] {
        assert!(look(&mut db, user, Role::Owner, "word", &filters).await.is_empty());
        let found = look(&mut db, user, Role::Owner, "word", &Filters::default()).await;
        assert_eq!(found.iter().map(|found| found.chat).collect::<Vec<_>>(), [other.chat]);
    }
    // A row for the victim's chat, and one of the victim's chat among one's own.
    let foreign = telling(&other, vec![message(&victim, 2, "forged")]);
    let refused = chats::project(&mut db, &foreign).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotFound { .. }), "{refused:?}");
    let mut db = db.end().unwrap().org(other.org);
    let foreign = Tenant { chat: victim.chat, ..other.clone() };
    let mut told = telling(&foreign, vec![message(&victim, 1, "forged")]);
    told.messages[0].version = Seq(9);
    // The victim's rows are not seen, so the upsert is refused by the policy or the foreign key; never carried out.
    assert!(chats::project(&mut db, &told).await.is_err());
    drop(db);
    let mut db = server.db().await.org(victim.org);
    assert_eq!(found(&mut db, &victim, "secret").await, [1]);

    // The function itself, by the Workers' role, in any other scope.
    let app = server.app().await;
    let call = "SELECT count(*) FROM search_messages('word', $1, 'owner', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 50)";
    for (setting, value) in [
        ("app.current_org_id", String::new()),
        ("app.current_org_id", "%".to_owned()),
        ("app.current_org_id", format!("{}' | 'word", victim.org)),
        ("app.system_job", "sweeps".to_owned()),
        ("app.system_job", "memberships".to_owned()),
    ] {
        app.batch_execute("BEGIN").await.unwrap();
        app.execute("SELECT set_config($1, $2, true)", &[&setting, &value]).await.unwrap();
        if let Ok(row) = app.query_one(call, &[&victim.owner.id.to_string()]).await {
            assert_eq!(row.get::<_, i64>(0), 0, "{setting} = {value}");
        }
        app.batch_execute("ROLLBACK").await.unwrap();
    }
}

#[tokio::test]
async fn whatever_is_typed_or_said_is_taken() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let hostile = [
        "a & b | !c <-> d".to_owned(),
        "'quoted' \"half".to_owned(),
        "\\ \\' '' \":* :A".to_owned(),
        "NUL \0 inside\0".to_owned(),
        "\u{202e}מימין לשמאל\u{202c} مرحبا".to_owned(),
        "🚀 👩‍👩‍👧 ship🚀it".to_owned(),
        "%_%".to_owned(),
        "हिन्दी ไทย 日本語 한국어".to_owned(),
        "!".repeat(200),
        "'".repeat(200),
        "x".repeat(200),
        "1e5 -3.5 0x1f v1.2.3 a@b.c".to_owned(),
    ];
    for (seq, text) in (1..).zip(&hostile) {
        tell(&mut db, &tenant, vec![message(&tenant, seq, text)]).await;
        let query = Query::parse(text).unwrap();
        let found = found(&mut db, &tenant, text).await;
        let quoted_alone = text.contains('"');
        assert!(query.is_empty() || quoted_alone || found.contains(&seq), "{text:?} finds itself");
    }
    // The largest messages: one word, most words, and none.
    let words = (0..20_000).map(|n| format!("{n:x}")).collect::<Vec<_>>().join(" ");
    let marks = "e\u{301}".repeat(20_000);
    for (seq, text) in
        (100..).zip(["y".repeat(65_536), words.chars().take(65_536).collect(), marks, "\0".repeat(65_536)])
    {
        tell(&mut db, &tenant, vec![message(&tenant, seq, &text)]).await;
    }
    assert_eq!(found(&mut db, &tenant, "yyy").await, [100]);
    assert_eq!(found(&mut db, &tenant, "\"1000 1001\"").await, [101]);
}

#[tokio::test]
async fn no_text_and_no_query_is_refused_by_the_database() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let mut runner = TestRunner::new(Config::default());
    let text = proptest::string::string_regex("(?s).{1,80}").unwrap();
    let typed = proptest::string::string_regex("[\\PC\\x00-\\x1f'\"\\\\:*&|!<>() a-c]{1,60}").unwrap();
    for seq in 1..=300 {
        let text = text.new_tree(&mut runner).unwrap().current();
        let typed = typed.new_tree(&mut runner).unwrap().current();
        let query = Query::parse(&typed).unwrap();
        let told = telling(&tenant, vec![message(&tenant, seq, &text)]);
        let taken = chats::project(&mut db, &told).await;
        assert!(taken.is_ok(), "{text:?} said: {taken:?}");
        let page = Page { limit: 50, after: None };
        let found = search(&mut db, tenant.owner.id, Role::Owner, &query, &Filters::default(), &page).await;
        assert!(found.is_ok(), "{typed:?} typed: {found:?}");
    }
}

/// `MessageId`s carry their chat: the row has only the number.
#[tokio::test]
async fn a_message_keeps_its_id() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    tell(&mut db, &tenant, vec![message(&tenant, 77, "word")]).await;
    let found = look(&mut db, tenant.owner.id, Role::Owner, "word", &Filters::default()).await;
    assert_eq!(found[0].message, MessageId::new(tenant.chat, Seq(77)));
}
