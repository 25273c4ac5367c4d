//! How many statements each function sends: a list that asks once for each row would show here.

use std::collections::BTreeSet;

use expect_test::expect;
use slipway_contract::approval::{ApprovalState, SelfApproval};
use slipway_contract::http::agents::UpdateAgent;
use slipway_contract::http::approvals::ApprovalPolicy;
use slipway_contract::http::config::ConfigKey;
use slipway_contract::http::context::ContextItem;
use slipway_contract::http::orgs::Role;
use slipway_contract::http::usage::UsageBy;
use slipway_contract::{Actor, MessageId, Seq};
use slipway_domain::identity::throttle::{Attempts, Subject};
use slipway_domain::sandbox::{Happened, Rules, Sandbox, decide};
use slipway_store::channels::NewChannel;
use slipway_store::context_items::{Filters, Viewer};
use slipway_store::context_search::{Among, ToEmbed};
use slipway_store::invitations::NewInvitation;
use slipway_store::page::Page;
use slipway_store::quotas::{Holder, Override};
use slipway_store::sandboxes::{StoredSandbox, due};
use slipway_store::signin_attempts::Counted;
use slipway_store::{
    agents, approval_policies, approvals, artifacts, attachments, audit, channels, chats, config,
    context_items, context_search, invitations, members, memberships, orgs, places, quotas, routes,
    sandboxes, sessions, signin_attempts, sweeps, usage, users,
};

use crate::fixture::{self, NOW};
use crate::server::Server;
use crate::world;

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
        "members::guests_of": members::guests_of(&mut db, tenant.chat);
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
        "channels::seen_of": channels::seen_of(&mut db, by, Role::Owner, &BTreeSet::from([channel]));
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
        "agents::has_all": agents::has_all(&mut db, &[agent, tenant.agent]);
        "agents::default": agents::default(&mut db);
        "agents::update": agents::update(&mut db, tenant.agent, &change);
        "members::end": members::end(&mut db, member, user.id, NOW);
    );
    let before = db.statements();
    let db = db.commit().await.unwrap();
    counts.push_str(&format!("commit {}\n", db.statements() - before));
    drop(db);
    counts.push_str(&of_sandboxes(&server).await);
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
        members::guests_of 1
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
        channels::seen_of 1
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
        agents::has_all 1
        agents::default 1
        agents::update 2
        members::end 2
        commit 1
        chats::project (50 approvals) 4
        chats::takes_part 1
        approvals::list 1
        approvals::find 1
        approval_policies::set 1
        approval_policies::get 1
        config::take 1
        config::set 1
        config::all 2
        config::get 1
        config::max_forks 1
        context_items::create 1
        context_items::list 1
        context_items::lock 1
        context_items::update 1
        context_items::candidates 1
        context_items::texts 1
        context_search::has_vectors 1
        context_search::by_words 1
        context_search::to_embed 1
        context_search::keep (2 items) 1
        context_items::delete 1
        sandboxes::reserve 2
        sandboxes::find 1
        sandboxes::find_by_approval 1
        sandboxes::lock 1
        sandboxes::list 1
        sandboxes::current 1
        sandboxes::assign 1
        sandboxes::act_once 1
        sandboxes::queue_place 1
        sandboxes::claim_next 1
        places::take 2
        places::running 1
        sandboxes::advance (place given) 1
        sandboxes::advance (runs) 2
        sandboxes::touch 1
        sandboxes::saw 1
        sandboxes::told_chat 1
        sandboxes::told_route 1
        sandboxes::told_executor 1
        sandboxes::lease 1
        sandboxes::release 1
        usage::egress 1
        usage::seconds_of 1
        usage::report (days) 1
        usage::report 1
        usage::named_for 1
        quotas::standing 1
        quotas::limits 1
        quotas::set 1
        sandboxes::advance (lost) 4
        routes::find 1
        artifacts::save 2
        artifacts::find_by_key 1
        artifacts::find 1
        artifacts::list 1
        attachments::begin 4
        attachments::keep_part 1
        attachments::parts 1
        attachments::complete 2
        attachments::find 1
        attachments::bind 1
        attachments::settle 2
        audit::append 1
        audit::list 1
        sandboxes::set_hosts 1
        memberships::of_chat 1
        memberships::of_sandbox 1
        memberships::of_artifact 1
        sandboxes::due::unused 1
        sandboxes::due::unseen 1
        sandboxes::due::unsettled 1
        sandboxes::due::untold 1
        sandboxes::due::queued 1
        sandboxes::due::owner_gone 1
        sandboxes::due::over_quota 1
        sandboxes::due::on_executor 1
        sandboxes::due::known 1
        sweeps::claim 1
        sweeps::keep 1
        sweeps::finish 1
    "#]]
    .assert_eq(&counts);
}

async fn of_sandboxes(server: &Server) -> String {
    let mut counts = String::new();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let user = tenant.owner.id;
    let page = Page { limit: 50, after: None };

    let mut db = db.org(tenant.org);
    let new = world::new(&tenant, 1);
    let made = sandboxes::reserve(&mut db, &new, NOW).await.unwrap();
    let kept = world::artifact(&tenant, made.id);
    let uploaded = world::upload(&tenant);
    let message = MessageId::new(tenant.chat, Seq(9));
    let mut told = fixture::projection(&tenant, 4);
    let votes = [(user, true)];
    told.approvals =
        (1..=50).map(|seq| world::asked(&tenant, seq, 1, ApprovalState::Approved, &votes)).collect();
    let entry = audit::Entry {
        key: "counted".into(),
        actor: Actor::System,
        action: "sandbox.stop",
        subject: made.id.to_string(),
        detail: String::new(),
    };
    let policy = ApprovalPolicy { quorum: 1, self_approval: SelfApproval::Never };
    let step = |sandbox: &Sandbox, happened| decide(sandbox, &happened, NOW, &Rules::default()).unwrap();
    let given = step(&made.sandbox, Happened::PlaceGiven);
    let started = StoredSandbox { sandbox: given.next.clone(), ..made.clone() };
    let running = step(&started.sandbox, world::running(1, NOW));
    let ready = StoredSandbox { sandbox: running.next.clone(), ..made.clone() };
    let lost = step(&ready.sandbox, Happened::Missing);
    let item = context_items::create(&mut db, &world::item(&tenant, "x"), NOW).await.unwrap();
    let item = ContextItem { version: 2, ..item };
    let (viewer, items) = (Viewer { user, role: Role::Owner }, Page { limit: 50, after: None });
    let among = Among { viewer, chat: None, limit: 50 };
    let to_embed = |version| ToEmbed {
        id: item.id,
        version,
        title: String::new(),
        text: String::new(),
        tags: Vec::new(),
    };
    let (made_of, numbers) = ([to_embed(1), to_embed(2)], [vec![1.0], vec![2.0]]);
    count!(counts, db,
        "chats::project (50 approvals)": chats::project(&mut db, &told);
        "chats::takes_part": chats::takes_part(&mut db, tenant.chat, user);
        "approvals::list": approvals::list(&mut db, user, None, &Page { limit: 50, after: None });
        "approvals::find": approvals::find(&mut db, world::approval(&tenant, 1));
        "approval_policies::set": approval_policies::set(&mut db, &policy);
        "approval_policies::get": approval_policies::get(&mut db);
        "config::take": config::take(&mut db, ConfigKey::Theme, entry.actor, NOW);
        "config::set": config::set(&mut db, ConfigKey::Theme, None);
        "config::all": config::all(&mut db);
        "config::get": config::get(&mut db, ConfigKey::Theme);
        "config::max_forks": config::max_forks(&mut db);
        "context_items::create": context_items::create(&mut db, &world::item(&tenant, "x"), NOW);
        "context_items::list": context_items::list(&mut db, viewer, &Filters::default(), &items);
        "context_items::lock": context_items::lock(&mut db, item.id);
        "context_items::update": context_items::update(&mut db, &item);
        "context_items::candidates": context_items::candidates(&mut db, tenant.chat, tenant.channel, &[], NOW);
        "context_items::texts": context_items::texts(&mut db, &[item.id]);
        "context_search::has_vectors": context_search::has_vectors(&mut db);
        "context_search::by_words": context_search::by_words(&mut db, &among, &[]);
        "context_search::to_embed": context_search::to_embed(&mut db, "m", NOW, 9);
        "context_search::keep (2 items)": context_search::keep(&mut db, "m", &made_of, &numbers, NOW);
        "context_items::delete": context_items::delete(&mut db, item.id);
        "sandboxes::reserve": sandboxes::reserve(&mut db, &new, NOW);
        "sandboxes::find": sandboxes::find(&mut db, made.id);
        "sandboxes::find_by_approval": sandboxes::find_by_approval(&mut db, made.approval);
        "sandboxes::lock": sandboxes::lock(&mut db, made.id);
        "sandboxes::list": sandboxes::list(&mut db, tenant.chat, &page);
        "sandboxes::current": sandboxes::current(&mut db, tenant.chat);
        "sandboxes::assign": sandboxes::assign(&mut db, &made, "local");
        "sandboxes::act_once": sandboxes::act_once(&mut db, made.approval, made.id, NOW);
        "sandboxes::queue_place": sandboxes::queue_place(&mut db, made.id);
        "sandboxes::claim_next": sandboxes::claim_next(&mut db);
        "places::take": places::take(&mut db, Some(user), NOW);
        "places::running": places::running(&mut db, Some(user));
        "sandboxes::advance (place given)": sandboxes::advance(&mut db, &made, &given, NOW);
        "sandboxes::advance (runs)": sandboxes::advance(&mut db, &started, &running, NOW);
        "sandboxes::touch": sandboxes::touch(&mut db, made.id, NOW);
        "sandboxes::saw": sandboxes::saw(&mut db, made.id, NOW);
        "sandboxes::told_chat": sandboxes::told_chat(&mut db, made.id, 1);
        "sandboxes::told_route": sandboxes::told_route(&mut db, made.id, 1);
        "sandboxes::told_executor": sandboxes::told_executor(&mut db, made.id, 1, 1);
        "sandboxes::lease": sandboxes::lease(&mut db, made.id, "me", NOW, NOW);
        "sandboxes::release": sandboxes::release(&mut db, made.id, "me");
        "usage::egress": usage::egress(&mut db, made.id, 1, 9, NOW);
        "usage::seconds_of": usage::seconds_of(&mut db, &[made.id], NOW);
        "usage::report (days)": usage::report(&mut db, NOW, NOW.plus_ms(9), UsageBy::Day, NOW);
        "usage::report": usage::report(&mut db, NOW, NOW.plus_ms(9), UsageBy::User, NOW);
        "usage::named_for": usage::named_for(&mut db, user, vec![made.id.to_string()]);
        "quotas::standing": quotas::standing(&mut db, Some(user), NOW);
        "quotas::limits": quotas::limits(&mut db);
        "quotas::set": quotas::set(&mut db, Holder::Org, &Override::default());
        "sandboxes::advance (lost)": sandboxes::advance(&mut db, &ready, &lost, NOW);
        "routes::find": routes::find(&mut db, made.id);
        "artifacts::save": artifacts::save(&mut db, &kept, "key");
        "artifacts::find_by_key": artifacts::find_by_key(&mut db, made.id, "key");
        "artifacts::find": artifacts::find(&mut db, kept.id);
        "artifacts::list": artifacts::list(&mut db, user, None, &Page { limit: 50, after: None });
        "attachments::begin": attachments::begin(&mut db, &uploaded, NOW);
        "attachments::keep_part": attachments::keep_part(&mut db, uploaded.id, 1, "etag");
        "attachments::parts": attachments::parts(&mut db, uploaded.id);
        "attachments::complete": attachments::complete(&mut db, uploaded.id, "text/plain", None);
        "attachments::find": attachments::find(&mut db, uploaded.id);
        "attachments::bind": attachments::bind(&mut db, tenant.chat, user, "post", &[uploaded.id]);
        "attachments::settle": attachments::settle(&mut db, message, &[uploaded.id]);
        "audit::append": audit::append(&mut db, &entry);
        "audit::list": audit::list(&mut db, &Page { limit: 50, after: None });
    );
    let lost = sandboxes::find(&mut db, made.id).await.unwrap().unwrap();
    count!(counts, db, "sandboxes::set_hosts": sandboxes::set_hosts(&mut db, &lost, &[]););

    db.commit().await.unwrap();
    let mut db = server.db().await.memberships(user);
    count!(counts, db,
        "memberships::of_chat": memberships::of_chat(&mut db, tenant.chat);
        "memberships::of_sandbox": memberships::of_sandbox(&mut db, made.id);
        "memberships::of_artifact": memberships::of_artifact(&mut db, kept.id);
    );

    let mut db = server.db().await.sweeps();
    count!(counts, db,
        "sandboxes::due::unused": due::unused(&mut db, NOW, NOW, &page);
        "sandboxes::due::unseen": due::unseen(&mut db, NOW, NOW, &page);
        "sandboxes::due::unsettled": due::unsettled(&mut db, NOW, NOW, &page);
        "sandboxes::due::untold": due::untold(&mut db, NOW, &page);
        "sandboxes::due::queued": due::queued(&mut db, &Page { limit: 50, after: None });
        "sandboxes::due::owner_gone": due::owner_gone(&mut db, NOW, &page);
        "sandboxes::due::over_quota": due::over_quota(&mut db, NOW, &page);
        "sandboxes::due::on_executor": due::on_executor(&mut db, "local", &page);
        "sandboxes::due::known": due::known(&mut db, &[made.id]);
        "sweeps::claim": sweeps::claim(&mut db, "counted", "me", NOW, NOW);
        "sweeps::keep": sweeps::keep(&mut db, "counted", "me", None, NOW);
        "sweeps::finish": sweeps::finish(&mut db, "counted", "me", NOW, "");
    );
    counts
}
