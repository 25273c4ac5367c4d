//! Orgs, members, invitations, channels, agents; with several transactions at once where rows must be locked.

use slipway_contract::http::agents::UpdateAgent;
use slipway_contract::http::channels::Visibility;
use slipway_contract::http::orgs::Role;
use slipway_contract::{Problem, UserId};
use slipway_domain::orgs::{Standing, change_role, end_membership, sees_channel};
use slipway_store::channels::NewChannel;
use slipway_store::page::Page;
use slipway_store::{Conflict, StoreError, agents, channels, chats, invitations, members, memberships};

use crate::fixture::{self, NOW, Tenant};
use crate::server::Server;

fn page<K>(limit: u32, after: Option<K>) -> Page<K> {
    Page { limit, after }
}

#[tokio::test]
async fn a_person_finds_their_own_orgs_page_by_page_and_no_others() {
    let server = Server::get();
    let (db, one) = fixture::tenant(server.db().await).await;
    let (db, two) = fixture::tenant(db).await;
    let mut scoped = db.org(two.org);
    members::join(&mut scoped, fixture::member_id(), one.owner.id, Role::Guest, NOW).await.unwrap();
    let mut db = scoped.commit().await.unwrap().memberships(one.owner.id);
    let first = memberships::orgs(&mut db, &page(1, None)).await.unwrap();
    assert_eq!((first.items[0].id, first.items[0].role, first.more), (one.org, Role::Owner, true));
    let rest = memberships::orgs(&mut db, &page(1, Some(first.items[0].member))).await.unwrap();
    assert_eq!((rest.items[0].id, rest.items[0].role, rest.more), (two.org, Role::Guest, false));
    assert_eq!(memberships::org_of_chat(&mut db, two.chat).await.unwrap(), Some(two.org));
    let mut db = db.end().unwrap().memberships(two.owner.id);
    assert_eq!(memberships::org_of_chat(&mut db, one.chat).await.unwrap(), None);
    assert_eq!(memberships::orgs(&mut db, &page(9, None)).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn an_ended_membership_gives_no_access_and_joining_again_revives_it() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, user, member) = fixture::joined(db, &tenant, Role::Admin).await;
    let mut db = db.org(tenant.org);
    channels::add_member(&mut db, tenant.channel, user.id, tenant.owner.id, NOW).await.unwrap();
    members::end(&mut db, member, user.id, NOW).await.unwrap();
    assert_eq!(members::find(&mut db, user.id).await.unwrap(), None);
    assert_eq!(members::hold(&mut db, user.id).await.unwrap(), None);
    let access = channels::access(&mut db, tenant.channel, user.id).await.unwrap().unwrap();
    assert!(!access.added);
    let listed = members::list(&mut db, &page(9, None)).await.unwrap();
    assert!(listed.items.iter().all(|member| member.user != user.id));
    let refused =
        channels::add_member(&mut db, tenant.channel, user.id, tenant.owner.id, NOW).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotFound { .. }), "{refused:?}");
    let mut own = db.commit().await.unwrap().memberships(user.id);
    assert!(memberships::orgs(&mut own, &page(9, None)).await.unwrap().items.is_empty());
    assert_eq!(memberships::org_of_chat(&mut own, tenant.chat).await.unwrap(), None);

    let mut db = own.end().unwrap().org(tenant.org);
    members::join(&mut db, fixture::member_id(), user.id, Role::Guest, NOW).await.unwrap();
    let found = members::find(&mut db, user.id).await.unwrap().unwrap();
    assert_eq!((found.member, found.role), (member, Role::Guest));
}

#[tokio::test]
async fn joining_does_not_change_an_open_membership() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    members::join(&mut db, fixture::member_id(), tenant.owner.id, Role::Guest, NOW).await.unwrap();
    let found = members::find(&mut db, tenant.owner.id).await.unwrap().unwrap();
    assert_eq!((found.member, found.role), (tenant.member, Role::Owner));
}

/// As the handler does it: lock, decide, change.
async fn step_down(server: &Server, tenant: &Tenant, who: UserId, leave: bool) -> Result<(), Problem> {
    let mut db = server.db().await.org(tenant.org);
    let member = members::find(&mut db, who).await.unwrap().unwrap().member;
    let locked = members::lock(&mut db, member, who).await.unwrap();
    let standing =
        Standing { actor: locked.actor.unwrap(), own: true, target: locked.role, owners: locked.owners };
    if leave {
        end_membership(standing)?;
        members::end(&mut db, member, who, NOW).await.unwrap();
    } else {
        change_role(standing, Role::Member)?;
        members::set_role(&mut db, member, Role::Member).await.unwrap();
    }
    db.commit().await.unwrap();
    Ok(())
}

#[tokio::test]
async fn of_all_owners_who_step_down_at_once_one_stays() {
    let server = Server::get();
    let (mut db, tenant) = fixture::tenant(server.db().await).await;
    let mut owners = vec![tenant.owner.id];
    for _ in 0..5 {
        let (back, user, _) = fixture::joined(db, &tenant, Role::Owner).await;
        db = back;
        owners.push(user.id);
    }
    let mut tasks = Vec::new();
    for (at, owner) in owners.iter().copied().enumerate() {
        let (server, tenant) = (server.clone(), tenant.clone());
        tasks.push(tokio::spawn(async move { step_down(&server, &tenant, owner, at % 2 == 0).await }));
    }
    let mut refused = 0;
    for task in tasks {
        refused += u64::from(task.await.unwrap().is_err());
    }
    assert_eq!(refused, 1);
    let mut db = db.org(tenant.org);
    let left = members::list(&mut db, &page(50, None)).await.unwrap().items;
    assert_eq!(left.iter().filter(|member| member.role == Role::Owner).count(), 1);
}

#[tokio::test]
async fn an_invitation_is_accepted_once_however_many_try_at_once() {
    let server = Server::get();
    let (mut db, tenant) = fixture::tenant(server.db().await).await;
    let mut tasks = Vec::new();
    for _ in 0..6 {
        let (back, user) = fixture::person(db).await;
        db = back;
        let (server, tenant) = (server.clone(), tenant.clone());
        tasks.push(tokio::spawn(async move {
            let mut db = server.db().await.org(tenant.org);
            let offer = invitations::lock(&mut db, &tenant.token_hash).await.unwrap().unwrap();
            if offer.ended {
                return false;
            }
            invitations::accept(&mut db, offer.id, user.id, NOW).await.unwrap();
            members::join(&mut db, fixture::member_id(), user.id, offer.preview.role, NOW).await.unwrap();
            db.commit().await.unwrap();
            true
        }));
    }
    let mut accepted = 0;
    for task in tasks {
        accepted += u64::from(task.await.unwrap());
    }
    assert_eq!(accepted, 1);
    let mut db = db.org(tenant.org);
    assert_eq!(members::list(&mut db, &page(50, None)).await.unwrap().items.len(), 2);
    assert!(invitations::list(&mut db, &page(9, None), NOW).await.unwrap().items.is_empty());
    assert!(!invitations::revoke(&mut db, tenant.invitation, tenant.owner.id, NOW).await.unwrap());
}

#[tokio::test]
async fn open_invitations_are_listed_until_they_end_or_are_taken_back() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let open = invitations::list(&mut db, &page(9, None), NOW).await.unwrap().items;
    assert_eq!((open.len(), &open[0].invited_by), (1, &tenant.owner.display_name));
    assert!(invitations::list(&mut db, &page(9, None), NOW.plus_ms(1000)).await.unwrap().items.is_empty());
    assert!(invitations::revoke(&mut db, tenant.invitation, tenant.owner.id, NOW).await.unwrap());
    assert!(invitations::list(&mut db, &page(9, None), NOW).await.unwrap().items.is_empty());
    assert!(invitations::find(&mut db, &tenant.token_hash).await.unwrap().unwrap().ended);
    assert_eq!(invitations::find(&mut db, &fixture::digest()).await.unwrap(), None);
}

#[tokio::test]
async fn the_list_of_channels_agrees_with_the_rule_of_who_sees_one() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db;
    for role in [Role::Guest, Role::Member, Role::Admin, Role::Owner] {
        let (back, user, _) = fixture::joined(db, &tenant, role).await;
        let mut scoped = back.org(tenant.org);
        for visibility in [Visibility::Public, Visibility::Private] {
            for added in [false, true] {
                let id = fixture::channel_id();
                let name = id.to_string().replace('_', "-");
                let new = NewChannel { id, name: &name, visibility, topic: "" };
                channels::create(&mut scoped, &new, tenant.owner.id, NOW).await.unwrap();
                if added {
                    channels::add_member(&mut scoped, id, user.id, tenant.owner.id, NOW).await.unwrap();
                }
                let access = channels::access(&mut scoped, id, user.id).await.unwrap().unwrap();
                assert_eq!((access.visibility, access.added), (visibility, added));
                let listed = channels::list(&mut scoped, user.id, role, &page(200, None)).await.unwrap();
                let seen = listed.items.iter().any(|channel| channel.id == id);
                assert_eq!(seen, sees_channel(role, visibility, added), "{role:?} {visibility:?} {added}");
            }
        }
        db = scoped.commit().await.unwrap();
    }
}

#[tokio::test]
async fn names_are_unique_within_an_org_only() {
    let server = Server::get();
    let (db, one) = fixture::tenant(server.db().await).await;
    // The second tenant has the same names.
    let (db, _) = fixture::tenant(db).await;
    let mut db = db.org(one.org);
    let general =
        NewChannel { id: fixture::channel_id(), name: "general", visibility: Visibility::Private, topic: "" };
    let refused = channels::create(&mut db, &general, one.owner.id, NOW).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(Conflict::NameTaken)), "{refused:?}");
    let mut db = db.end().unwrap().org(one.org);
    let refused = agents::create(&mut db, fixture::agent_id(), &fixture::demo("demo"), one.owner.id, NOW)
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(Conflict::NameTaken)), "{refused:?}");
}

#[tokio::test]
async fn an_org_has_one_default_agent_and_it_answers() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let second = fixture::agent_id();
    agents::create(&mut db, second, &fixture::demo("second"), tenant.owner.id, NOW).await.unwrap();
    assert_eq!(agents::default(&mut db).await.unwrap().unwrap().id, second);
    let make_default = UpdateAgent { is_default: Some(true), ..UpdateAgent::default() };
    agents::update(&mut db, tenant.agent, &make_default).await.unwrap();
    let rename = UpdateAgent { name: Some("Tester".into()), ..UpdateAgent::default() };
    let renamed = agents::update(&mut db, tenant.agent, &rename).await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.is_default, renamed.enabled), ("Tester", true, true));
    let switch_off = UpdateAgent { enabled: Some(false), ..UpdateAgent::default() };
    agents::update(&mut db, tenant.agent, &switch_off).await.unwrap();
    assert_eq!(agents::default(&mut db).await.unwrap(), None);
    let listed = agents::list(&mut db, &page(1, None)).await.unwrap();
    assert_eq!((listed.items[0].slug.as_str(), listed.more), ("demo", true));
    let rest = agents::list(&mut db, &page(9, Some("demo".parse().unwrap()))).await.unwrap();
    assert_eq!(rest.items.iter().map(|agent| agent.id).collect::<Vec<_>>(), [second]);
    let unknown = agents::update(&mut db, fixture::agent_id(), &rename).await.unwrap_err();
    assert!(matches!(unknown, StoreError::NotFound { .. }), "{unknown:?}");
}

#[tokio::test]
async fn the_guests_of_a_chat_are_known_as_they_come_and_by_the_role_that_they_have_now() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, guest, member) = fixture::joined(db, &tenant, Role::Guest).await;
    let (db, bob, _) = fixture::joined(db, &tenant, Role::Member).await;
    let (db, _elsewhere, _) = fixture::joined(db, &tenant, Role::Guest).await;
    let mut db = db.org(tenant.org);
    assert!(members::guests_of(&mut db, tenant.chat).await.unwrap().is_empty());
    for user in [guest.id, bob.id] {
        chats::expect_person(&mut db, tenant.chat, user).await.unwrap();
    }
    assert_eq!(members::guests_of(&mut db, tenant.chat).await.unwrap(), [guest.id]);
    members::set_role(&mut db, member, Role::Member).await.unwrap();
    assert!(members::guests_of(&mut db, tenant.chat).await.unwrap().is_empty());
}
