//! How many statements each function sends: a list that asks once for each row would show here.

use expect_test::expect;
use slipway_contract::http::agents::UpdateAgent;
use slipway_contract::http::orgs::Role;
use slipway_domain::identity::throttle::{Attempts, Subject};
use slipway_store::channels::NewChannel;
use slipway_store::invitations::NewInvitation;
use slipway_store::page::Page;
use slipway_store::signin_attempts::Counted;
use slipway_store::{
    agents, channels, chats, invitations, members, memberships, orgs, sessions, signin_attempts, users,
};

use crate::fixture::{self, NOW};
use crate::server::Server;

/// Beginning a transaction takes two statements, which go out with the first one; ending it takes one.
const BEGIN: u32 = 2;

macro_rules! count {
    ($counts:ident, $db:ident, $($name:literal: $call:expr;)*) => {
        $(
            let before = $db.statements();
            $call.await.unwrap();
            let framing = if before == 0 { BEGIN } else { 0 };
            $counts.push_str(&format!("{} {}\n", $name, $db.statements() - before - framing));
        )*
    };
}

#[tokio::test]
async fn each_function_sends_a_fixed_number_of_statements() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (_, user, member) = fixture::joined(db, &tenant, Role::Member).await;
    let mut counts = String::new();

    let mut db = server.db().await.identity();
    let session = fixture::session_id();
    let new = slipway_contract::http::auth::User {
        id: fixture::user_id(),
        email: format!("{}@example.org", fixture::digest()),
        display_name: "New".into(),
    };
    let counted = [Counted { subject: Subject::Address, key: fixture::digest() }];
    let one = [Attempts { failures: 1, last_at: NOW }];
    count!(counts, db,
        "users::create": users::create(&mut db, &new, "$argon2id$x", NOW);
        "users::find_by_email": users::find_by_email(&mut db, &new.email);
        "sessions::begin": sessions::begin(&mut db, session, new.id, NOW);
        "sessions::lock": sessions::lock(&mut db, session);
        "sessions::rotate": sessions::rotate(&mut db, session, 1, NOW);
        "sessions::end": sessions::end(&mut db, session, sessions::EndReason::LogOut, NOW);
        "sessions::end_all": sessions::end_all(&mut db, new.id, NOW);
        "signin_attempts::lock": signin_attempts::lock(&mut db, &counted, NOW);
        "signin_attempts::record": signin_attempts::record(&mut db, &counted, &one, NOW);
        "signin_attempts::forgive": signin_attempts::forgive(&mut db, &counted);
    );

    let mut db = server.db().await.memberships(user.id);
    count!(counts, db,
        "users::find": users::find(&mut db);
        "memberships::orgs": memberships::orgs(&mut db, &Page { limit: 50, after: None });
        "memberships::org_of_chat": memberships::org_of_chat(&mut db, tenant.chat);
    );

    let made = fixture::org_id();
    let mut db = server.db().await.org(made);
    count!(counts, db, "orgs::create": orgs::create(&mut db, "Made", tenant.owner.id, NOW););

    let mut db = server.db().await.org(tenant.org);
    let channel = fixture::channel_id();
    let named = NewChannel {
        id: channel,
        name: "counted",
        visibility: slipway_contract::http::channels::Visibility::Private,
        topic: "",
    };
    let digest = fixture::digest();
    let invitation = NewInvitation {
        id: fixture::invitation_id(),
        email: "one@example.org",
        role: Role::Guest,
        token_hash: &digest,
        by: tenant.owner.id,
        expires_at: NOW.plus_ms(1000),
    };
    let agent = fixture::agent_id();
    let change = UpdateAgent { is_default: Some(true), ..UpdateAgent::default() };
    let by = tenant.owner.id;
    count!(counts, db,
        "members::find": members::find(&mut db, user.id);
        "members::hold": members::hold(&mut db, user.id);
        "members::list": members::list(&mut db, &Page { limit: 50, after: None });
        "members::get": members::get(&mut db, member);
        "members::join": members::join(&mut db, fixture::member_id(), user.id, Role::Member, NOW);
        "members::lock": members::lock(&mut db, member, by);
        "members::set_role": members::set_role(&mut db, member, Role::Admin);
        "members::chats": members::chats(&mut db, user.id, &Page { limit: 50, after: None });
        "invitations::create": invitations::create(&mut db, &invitation, NOW);
        "invitations::list": invitations::list(&mut db, &Page { limit: 50, after: None }, NOW);
        "invitations::find": invitations::find(&mut db, &digest);
        "invitations::lock": invitations::lock(&mut db, &digest);
        "invitations::accept": invitations::accept(&mut db, invitation.id, user.id, NOW);
        "invitations::revoke": invitations::revoke(&mut db, tenant.invitation, by, NOW);
        "channels::create": channels::create(&mut db, &named, by, NOW);
        "channels::list": channels::list(&mut db, by, Role::Owner, &Page { limit: 50, after: None });
        "channels::access": channels::access(&mut db, channel, by);
        "channels::add_member": channels::add_member(&mut db, channel, user.id, by, NOW);
        "channels::members": channels::members(&mut db, channel, &Page { limit: 50, after: None });
        "chats::project": chats::project(&mut db, &fixture::projection(&tenant, 3));
        "chats::list": chats::list(&mut db, tenant.channel, by, &Page { limit: 50, after: None });
        "chats::channel_of": chats::channel_of(&mut db, tenant.chat);
        "chats::expect_person": chats::expect_person(&mut db, tenant.chat, user.id);
        "agents::create": agents::create(&mut db, agent, &fixture::demo("counted"), by, NOW);
        "agents::list": agents::list(&mut db, &Page { limit: 50, after: None });
        "agents::find": agents::find(&mut db, agent);
        "agents::find_many": agents::find_many(&mut db, &[agent, tenant.agent]);
        "agents::default": agents::default(&mut db);
        "agents::update": agents::update(&mut db, tenant.agent, &change);
        "members::end": members::end(&mut db, member, user.id, NOW);
    );
    let before = db.statements();
    let db = db.commit().await.unwrap();
    counts.push_str(&format!("commit {}\n", db.statements() - before));
    expect![[r#"
        users::create 1
        users::find_by_email 1
        sessions::begin 1
        sessions::lock 1
        sessions::rotate 1
        sessions::end 1
        sessions::end_all 1
        signin_attempts::lock 1
        signin_attempts::record 1
        signin_attempts::forgive 1
        users::find 1
        memberships::orgs 1
        memberships::org_of_chat 1
        orgs::create 1
        members::find 1
        members::hold 1
        members::list 1
        members::get 1
        members::join 1
        members::lock 1
        members::set_role 1
        members::chats 1
        invitations::create 1
        invitations::list 1
        invitations::find 1
        invitations::lock 1
        invitations::accept 1
        invitations::revoke 1
        channels::create 1
        channels::list 1
        channels::access 1
        channels::add_member 2
        channels::members 1
        chats::project 2
        chats::list 1
        chats::channel_of 1
        chats::expect_person 1
        agents::create 2
        agents::list 1
        agents::find 1
        agents::find_many 1
        agents::default 1
        agents::update 2
        members::end 2
        commit 1
    "#]]
    .assert_eq(&counts);
}
