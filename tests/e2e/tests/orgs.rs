//! Orgs: who gets in, as what, and what happens to those who are put out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use e2e::{ChatSocket, Person, Team, World};
use futures::future::try_join_all;
use slipway_contract::events::EventBody;
use slipway_contract::http::orgs::Role;
use slipway_contract::socket::close;
use slipway_contract::{MemberId, ProblemCode};

async fn member_id(team: &Team, person: &Person) -> Result<MemberId> {
    Ok(team.owner.member(team.org, person.id()).await?.id)
}

/// The roles of the team, with names, in the order of the list.
async fn roles(team: &Team) -> Result<Vec<(String, Role)>> {
    let members = team.owner.members(team.org).await?;
    Ok(members.into_iter().map(|member| (member.display_name, member.role)).collect())
}

#[tokio::test]
async fn a_new_org_has_its_maker_as_owner_a_channel_and_the_demo_agent() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    assert_eq!(roles(&team).await?, [("Acme Owner".to_owned(), Role::Owner)]);
    let me = team.owner.me().await?;
    assert_eq!(me.orgs.iter().map(|org| (org.id, org.role)).collect::<Vec<_>>(), [(team.org, Role::Owner)]);
    let channels = team.owner.channels(team.org).await?;
    assert_eq!(channels.iter().map(|channel| channel.name.as_str()).collect::<Vec<_>>(), ["general"]);
    let agents = team.owner.agents(team.org).await?;
    let agents: Vec<_> = agents.iter().map(|agent| (agent.slug.as_str(), agent.is_default)).collect();
    assert_eq!(agents, [("demo", true)]);
    Ok(())
}

#[tokio::test]
async fn an_invitation_shows_what_it_is_for_and_lets_the_invited_in() -> Result<()> {
    let world = World::shared()?;
    let (team, bo) = (world.team("Acme").await?, world.person("Bo").await?);
    let made = team.owner.invite(team.org, &bo.user.email.to_uppercase(), Role::Admin).await?;
    assert_eq!(made.url, format!("{}/invite/{}", world.url(), made.token));
    assert_eq!(team.owner.invitations(team.org).await?, std::slice::from_ref(&made.invitation));
    let preview = world.call(reqwest::Method::GET, &format!("/v1/invitations/{}", made.token)).send().await?;
    let preview: slipway_contract::http::invitations::InvitationPreview = preview.read()?;
    let shown = (preview.org_name.as_str(), preview.email.as_str(), preview.role);
    assert_eq!(shown, ("Acme", bo.user.email.as_str(), Role::Admin));
    assert_eq!(bo.accept(&made.token).await?.org, team.org);
    assert_eq!(team.owner.invitations(team.org).await?, []);
    let expected = [("Acme Owner".to_owned(), Role::Owner), ("Bo".to_owned(), Role::Admin)];
    assert_eq!(roles(&team).await?, expected);
    Ok(())
}

#[tokio::test]
async fn an_invitation_accepted_many_times_at_once_makes_one_membership() -> Result<()> {
    let world = World::shared()?;
    let (team, bo) = (world.team("Acme").await?, world.person("Bo").await?);
    let made = team.owner.invite(team.org, &bo.user.email, Role::Member).await?;
    for answer in try_join_all((0..4).map(|_| bo.try_accept(&made.token))).await? {
        answer.done()?;
    }
    assert_eq!(roles(&team).await?.len(), 2);
    assert_eq!(bo.me().await?.orgs.len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_invitation_is_for_one_address_only() -> Result<()> {
    let world = World::shared()?;
    let (team, bo, eve) = (world.team("Acme").await?, world.person("Bo").await?, world.person("Eve").await?);
    let made = team.owner.invite(team.org, &bo.user.email, Role::Member).await?;
    eve.try_accept(&made.token).await?.refused(ProblemCode::InvitationForAnother)?;
    bo.accept(&made.token).await?;
    eve.try_accept(&made.token).await?.refused(ProblemCode::InvitationForAnother)?;
    assert_eq!(eve.me().await?.orgs, []);
    for wrong in ["x", &"A".repeat(64), &made.token.replace(|c: char| c.is_ascii_digit(), "Z")] {
        if wrong != made.token {
            eve.try_accept(wrong).await?.refused(ProblemCode::NotFound)?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_invitation_that_has_ended_lets_nobody_in() -> Result<()> {
    let world = World::shared()?;
    let (team, bo) = (world.team("Acme").await?, world.person("Bo").await?);
    let ended = async |token: &str| -> Result<()> {
        bo.try_accept(token).await?.refused(ProblemCode::InvitationEnded)?;
        let preview = world.call(reqwest::Method::GET, &format!("/v1/invitations/{token}")).send().await?;
        preview.refused(ProblemCode::InvitationEnded).map(drop)
    };

    let revoked = team.owner.invite(team.org, &bo.user.email, Role::Member).await?;
    let path = format!("/v1/orgs/{}/invitations/{}", team.org, revoked.invitation.id);
    team.owner.call(reqwest::Method::DELETE, &path).send().await?.done()?;
    ended(&revoked.token).await?;
    team.owner.call(reqwest::Method::DELETE, &path).send().await?.refused(ProblemCode::NotFound)?;

    let late = team.owner.invite(team.org, &bo.user.email, Role::Member).await?;
    let age = "UPDATE invitations SET expires_at = now() - interval '1 second' WHERE invitation_id = $1";
    assert_eq!(world.sql(age, &late.invitation.id.to_string()).await?, 1);
    ended(&late.token).await?;

    let used = team.owner.invite(team.org, &bo.user.email, Role::Member).await?;
    bo.accept(&used.token).await?;
    team.owner.put_out(team.org, member_id(&team, &bo).await?).await?.done()?;
    ended(&used.token).await?;
    assert_eq!(bo.me().await?.orgs, []);
    Ok(())
}

#[tokio::test]
async fn admins_invite_up_to_their_own_role_and_nobody_below_invites() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    let admin = team.join("Admin", Role::Admin).await?;
    let member = team.join("Member", Role::Member).await?;
    let guest = team.join("Guest", Role::Guest).await?;
    let invite = async |by: &Person, role| by.try_invite(team.org, "new@example.org", role).await;
    for role in [Role::Guest, Role::Member, Role::Admin] {
        invite(&admin, role).await?.done()?;
    }
    invite(&admin, Role::Owner).await?.refused(ProblemCode::Forbidden)?;
    invite(&team.owner, Role::Owner).await?.done()?;
    for below in [&member, &guest] {
        invite(below, Role::Guest).await?.refused(ProblemCode::Forbidden)?;
        let list = below.get(&format!("/v1/orgs/{}/invitations", team.org)).await?;
        list.refused(ProblemCode::Forbidden)?;
    }
    Ok(())
}

#[tokio::test]
async fn owners_make_owners_admins_set_what_is_below_and_members_set_nothing() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    let admin = team.join("Admin", Role::Admin).await?;
    let member = team.join("Member", Role::Member).await?;
    let (owner_id, admin_id) = (member_id(&team, &team.owner).await?, member_id(&team, &admin).await?);
    let member_id = member_id(&team, &member).await?;
    member.set_role(team.org, member_id, Role::Admin).await?.refused(ProblemCode::Forbidden)?;
    admin.set_role(team.org, member_id, Role::Owner).await?.refused(ProblemCode::Forbidden)?;
    admin.set_role(team.org, owner_id, Role::Member).await?.refused(ProblemCode::Forbidden)?;
    admin.put_out(team.org, owner_id).await?.refused(ProblemCode::Forbidden)?;
    member.put_out(team.org, admin_id).await?.refused(ProblemCode::Forbidden)?;
    admin.set_role(team.org, member_id, Role::Guest).await?.done()?;
    team.owner.set_role(team.org, member_id, Role::Owner).await?.done()?;
    let expected = [("Acme Owner", Role::Owner), ("Admin", Role::Admin), ("Member", Role::Owner)];
    assert_eq!(roles(&team).await?, expected.map(|(name, role)| (name.to_owned(), role)));
    Ok(())
}

#[tokio::test]
async fn an_org_keeps_its_last_owner() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    let id = member_id(&team, &team.owner).await?;
    team.owner.set_role(team.org, id, Role::Admin).await?.refused(ProblemCode::LastOwner)?;
    team.owner.put_out(team.org, id).await?.refused(ProblemCode::LastOwner)?;
    Ok(())
}

#[tokio::test]
async fn of_two_owners_who_leave_at_once_one_stays() -> Result<()> {
    let world = World::shared()?;
    for _ in 0..5 {
        let team = world.team("Acme").await?;
        let second = team.join("Second", Role::Owner).await?;
        let ids = [member_id(&team, &team.owner).await?, member_id(&team, &second).await?];
        let leaving = [&team.owner, &second].into_iter().zip(ids).map(|(who, id)| who.put_out(team.org, id));
        let answers = try_join_all(leaving).await?;
        let left = answers.iter().filter(|answer| answer.is_success()).count();
        assert_eq!(left, 1, "{answers:?}");
        let stayed = answers.iter().find(|answer| !answer.is_success()).context("both left")?;
        stayed.refused(ProblemCode::LastOwner)?;
    }
    Ok(())
}

#[tokio::test]
async fn who_is_put_out_of_the_org_is_out_of_its_chats_and_sockets_at_once() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    let bo = team.join("Bo", Role::Admin).await?;
    let chats = [team.chat("One", &[&bo]).await?, team.chat("Two", &[&bo]).await?];
    let mut sockets = Vec::new();
    for chat in &chats {
        sockets.push(bo.socket(chat.id, None).await?);
    }
    let unused = bo.ticket(chats[0].id).await?;
    team.owner.put_out(team.org, member_id(&team, &bo).await?).await?.done()?;
    for socket in &mut sockets {
        assert_eq!(socket.closed().await?.0, close::REMOVED);
    }
    for chat in &chats {
        let id = chat.id;
        bo.get(&format!("/v1/chats/{id}")).await?.refused(ProblemCode::NotFound)?;
        bo.get(&format!("/v1/chats/{id}/events")).await?.refused(ProblemCode::NotFound)?;
        bo.posting(id, "late", "still here?").send().await?.refused(ProblemCode::NotFound)?;
        bo.try_admit(id, bo.id()).await?.refused(ProblemCode::NotFound)?;
    }
    assert!(ChatSocket::open(&world, chats[0].id, &unused, None).await.is_err(), "the ticket still opens");
    for path in ["channels", "members", "agents"] {
        bo.get(&format!("/v1/orgs/{}/{path}", team.org)).await?.refused(ProblemCode::NotFound)?;
    }
    assert_eq!(bo.me().await?.orgs, []);
    let posted = team.owner.log(chats[0].id).await?;
    assert!(!posted.iter().any(|event| matches!(event.body, EventBody::MessagePosted(_))));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_and_comes_in_all_the_time_is_out_for_good_once_they_are_put_out() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    let bo = team.join("Bo", Role::Member).await?;
    let mut chats = Vec::new();
    for n in 0..4 {
        chats.push(team.chat(&format!("Chat {n}"), &[&bo]).await?.id);
    }
    let out = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = chats
        .iter()
        .map(|chat| {
            let (bo, chat, out) = (bo.clone(), *chat, Arc::clone(&out));
            tokio::spawn(async move {
                for n in 0.. {
                    let last = out.load(Ordering::Relaxed);
                    let (posted, admitted) = futures::future::join(
                        bo.posting(chat, &format!("m{n}"), "still here").send(),
                        bo.try_admit(chat, bo.id()),
                    )
                    .await;
                    let answers = [posted?, admitted?];
                    if last {
                        for answer in answers {
                            answer.refused(ProblemCode::NotFound)?;
                        }
                        break;
                    }
                }
                anyhow::Ok(())
            })
        })
        .collect();
    let id = member_id(&team, &bo).await?;
    team.owner.put_out(team.org, id).await?.done()?;
    out.store(true, Ordering::Relaxed);
    for one in try_join_all(busy).await? {
        one?;
    }
    for chat in chats {
        let here = team.owner.describe(chat).await?;
        assert_eq!(here.participants.len(), 1, "somebody came back in");
        let log = team.owner.log(chat).await?;
        let left = log.iter().rposition(|event| matches!(event.body, EventBody::ParticipantLeft { .. }));
        let after = log.get(left.context("nobody left")?..).unwrap_or_default();
        assert!(!after.iter().any(|event| matches!(event.body, EventBody::MessagePosted(_))));
    }
    Ok(())
}

#[tokio::test]
async fn who_comes_back_to_an_org_gets_the_new_role_and_no_old_chat() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    let bo = team.join("Bo", Role::Admin).await?;
    let chat = team.chat("One", &[&bo]).await?;
    team.owner.put_out(team.org, member_id(&team, &bo).await?).await?.done()?;
    team.take_in(&bo, Role::Member).await?;
    assert_eq!(bo.me().await?.orgs.iter().map(|org| org.role).collect::<Vec<_>>(), [Role::Member]);
    bo.get(&format!("/v1/chats/{}", chat.id)).await?.refused(ProblemCode::NotFound)?;
    bo.admit(chat.id, bo.id()).await?;
    bo.post(chat.id, "back", "here I am").await.map(drop)
}

#[tokio::test]
async fn a_member_may_leave_by_themselves() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    let bo = team.join("Bo", Role::Guest).await?;
    bo.put_out(team.org, member_id(&team, &bo).await?).await?.done()?;
    assert_eq!(roles(&team).await?.len(), 1);
    Ok(())
}
