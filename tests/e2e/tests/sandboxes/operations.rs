//! What people do about sandboxes besides using them: remove one for good, set what may be used, ask twice.

use anyhow::{Context as _, Result, bail, ensure};
use e2e::{Person, World, eventually};
use futures::future::try_join_all;
use slipway_contract::approval::{ApprovalAction, ApprovalState};
use slipway_contract::events::EventBody;
use slipway_contract::http::approvals::{Approval, ApprovalDecision};
use slipway_contract::http::orgs::Role;
use slipway_contract::http::usage::QuotaLimits;
use slipway_contract::sandbox::SandboxState;
use slipway_contract::{OrgId, ProblemCode, SandboxId};
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

use crate::faults::{MINUTELY, becomes, running};
use crate::land::Land;

async fn own_stack() -> Result<(Testbed, World, Land)> {
    let bed = block_in_place(|| Testbed::start(Options::default()))?;
    let world = World::of(&bed)?;
    let land = Land::of(&world).await?;
    Ok((bed, world, land))
}

/// How the chat was told that a sandbox stands, one after the other.
async fn told(land: &Land, sandbox: SandboxId) -> Result<Vec<SandboxState>> {
    let log = land.bo.log(land.chat.id).await?;
    let states = log.iter().filter_map(|event| {
        let EventBody::SandboxChanged { status } = &event.body else { return None };
        (status.sandbox == sandbox).then_some(status.state)
    });
    Ok(states.collect())
}

/// Makes what happened to a sandbox an hour older.
async fn age(world: &World, sandbox: SandboxId) -> Result<()> {
    let statement = "UPDATE sandboxes SET changed_at = changed_at - interval '1 hour' WHERE sandbox_id = $1";
    ensure!(world.sql(statement, &sandbox.to_string()).await? == 1);
    Ok(())
}

async fn deeds(world: &World, action: &str, subject: &str) -> Result<u64> {
    // The pattern is this test's own word.
    world.sql(&format!("SELECT 1 FROM audit WHERE action = '{action}' AND subject = $1"), subject).await
}

#[tokio::test]
async fn a_running_sandbox_is_removed_with_its_files_and_once_more_is_harmless() -> Result<()> {
    let land = Land::shared().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    bo.put_file(sandbox, "lost.txt", "gone soon").await?.done()?;
    let gone = bo.destroy(sandbox).await?;
    assert_eq!((gone.state, gone.place, gone.started_at), (SandboxState::Destroyed, None, None));
    assert!(gone.epoch > 1, "access from before must be over");
    assert_eq!(bo.destroy(sandbox).await?, gone);
    assert_eq!(land.team.owner.look(sandbox).await?, gone);
    assert_eq!(running(bo, land.team.org).await?, 0);
    assert_eq!(deeds(&World::shared()?, "sandbox.destroy", &sandbox.to_string()).await?, 1);
    assert_eq!(told(&land, sandbox).await?.last(), Some(&SandboxState::Destroyed));
    bo.running(sandbox, "true").send().await?.refused(ProblemCode::NotFound)?;
    assert!(!bo.file(sandbox, "lost.txt").await?.is_success());

    // The next question offers nothing to use again, and what starts is another one.
    let asked = bo.ask_sandbox(land.chat.id).await?;
    let ApprovalAction::StartSandbox { reuse: None, .. } = &asked.ask.action else { bail!("{asked:?}") };
    land.team.owner.approve(asked.id).await?;
    land.carried_out(asked.id).await?;
    assert_ne!(land.present(SandboxState::Ready).await?.id, sandbox);
    Ok(())
}

#[tokio::test]
async fn two_who_remove_it_at_once_and_a_stopped_one_are_all_the_same() -> Result<()> {
    let land = Land::shared().await?;
    let (bo, owner, sandbox) = (&land.bo, &land.team.owner, land.start().await?);
    let both = try_join_all([bo.destroy(sandbox), owner.destroy(sandbox)]).await?;
    assert!(both.iter().any(|gone| gone.state == SandboxState::Destroyed), "{both:?}");
    eventually("the end of both", async || {
        Ok((bo.look(sandbox).await?.state == SandboxState::Destroyed).then_some(()))
    })
    .await?;
    let second = land.start().await?;
    bo.stop(second).await?;
    assert_eq!(bo.destroy(second).await?.state, SandboxState::Destroyed);
    assert_eq!(running(bo, land.team.org).await?, 0);
    Ok(())
}

#[tokio::test]
async fn what_is_offered_for_reuse_and_then_removed_is_not_started_again() -> Result<()> {
    let land = Land::shared().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    bo.stop(sandbox).await?;
    let asked = bo.ask_sandbox(land.chat.id).await?;
    bo.destroy(sandbox).await?;
    land.team.owner.approve_reuse(asked.id).await?;
    land.carried_out(asked.id).await?;
    assert_ne!(land.present(SandboxState::Ready).await?.id, sandbox);
    assert_eq!(bo.look(sandbox).await?.state, SandboxState::Destroyed);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_removes_it_while_its_executor_is_away_is_told_so_and_it_goes_when_it_is_back() -> Result<()> {
    let (mut bed, world, land) = own_stack().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    bo.stop(sandbox).await?;
    block_in_place(|| bed.executor.kill())?;
    let waits = bo.destroy(sandbox).await?;
    assert_eq!(waits.state, SandboxState::Stopped);
    let detail = waits.detail.context("it does not say what it waits for")?;
    assert!(detail.contains("executor"), "{detail}");
    // Nobody takes the wish back, not even a crash of all Workers; and nothing starts there any more.
    block_in_place(|| bed.stack.kill_workerd())?;
    let asked = bo.ask_sandbox(land.chat.id).await?;
    let ApprovalAction::StartSandbox { reuse: None, .. } = &asked.ask.action else { bail!("{asked:?}") };
    age(&world, sandbox).await?;
    block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
    assert_eq!(bo.look(sandbox).await?.state, SandboxState::Stopped, "nobody said that it is gone");
    block_in_place(|| bed.executor.restart())?;
    becomes(&mut bed, bo, sandbox, SandboxState::Destroyed).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_one_of_an_executor_that_is_away_gives_its_place_back_and_goes_later() -> Result<()> {
    let (mut bed, world, land) = own_stack().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    block_in_place(|| bed.executor.kill())?;
    assert_eq!(bo.destroy(sandbox).await?.state, SandboxState::Stopping);
    age(&world, sandbox).await?;
    becomes(&mut bed, bo, sandbox, SandboxState::Stopped).await?;
    assert_eq!(running(bo, land.team.org).await?, 0);
    block_in_place(|| bed.executor.restart())?;
    age(&world, sandbox).await?;
    becomes(&mut bed, bo, sandbox, SandboxState::Destroyed).await
}

async fn limits(person: &Person, org: OrgId) -> Result<QuotaLimits> {
    person.get(&format!("/v1/orgs/{org}/quotas/limits")).await?.read()
}

async fn limit(person: &Person, org: OrgId, holder: &str, limit: &str) -> Result<QuotaLimits> {
    person.limiting(org, holder, limit).send().await?.read()
}

#[tokio::test]
async fn a_raised_limit_lets_who_waits_start() -> Result<()> {
    let land = Land::shared().await?;
    let (owner, org) = (&land.team.owner, land.team.org);
    limit(owner, org, "org", r#"{"running":1}"#).await?;
    let first = land.start().await?;
    let asked = land.bo.ask_sandbox(land.chat.id).await?;
    owner.approve(asked.id).await?;
    let waits = land.present(SandboxState::Queued).await?;
    assert_eq!(waits.place, Some(1));
    limit(owner, org, "org", r#"{"running":2}"#).await?;
    land.carried_out(asked.id).await?;
    assert_eq!(land.present(SandboxState::Ready).await?.id, waits.id);
    assert_eq!(land.bo.look(first).await?.state, SandboxState::Ready, "what runs goes on");
    // It waited, and the chat heard so.
    assert_eq!(told(&land, waits.id).await?.first(), Some(&SandboxState::Queued));
    Ok(())
}

#[tokio::test]
async fn with_a_limit_of_nothing_nobody_is_asked() -> Result<()> {
    let land = Land::shared().await?;
    let (owner, org) = (&land.team.owner, land.team.org);
    let bo = land.bo.id().to_string();
    for (holder, nothing) in [
        ("org", r#"{"running":0}"#),
        ("org", r#"{"seconds":0}"#),
        ("member", r#"{"egress_bytes":0}"#),
        (bo.as_str(), r#"{"running":0}"#),
    ] {
        limit(owner, org, holder, nothing).await?;
        let refused = land.bo.asking(land.chat.id).send().await?;
        let problem = refused.refused(ProblemCode::QuotaReached)?;
        assert!(problem.detail.is_some_and(|detail| !detail.is_empty()), "{holder} {nothing}");
        let left = limit(owner, org, holder, "{}").await?;
        assert!(left.set.is_empty(), "{left:?}");
    }
    land.bo.ask_sandbox(land.chat.id).await?;
    Ok(())
}

#[tokio::test]
async fn limits_are_set_by_those_who_may_within_their_bounds_and_on_record() -> Result<()> {
    let land = Land::shared().await?;
    let (owner, org) = (&land.team.owner, land.team.org);
    let bo = land.bo.id().to_string();
    let before = limits(owner, org).await?;
    assert!(before.set.is_empty() && before.org_default.running.is_some());

    for holder in ["org", "member", bo.as_str()] {
        land.bo.limiting(org, holder, r#"{"running":9}"#).send().await?.refused(ProblemCode::Forbidden)?;
    }
    land.bo.get(&format!("/v1/orgs/{org}/quotas/limits")).await?.refused(ProblemCode::Forbidden)?;
    let stranger = World::shared()?.person("Stranger").await?.id().to_string();
    let table = [
        ("org", r#"{"running":1001}"#, ProblemCode::InvalidField),
        ("org", r#"{"seconds":1099511627777}"#, ProblemCode::InvalidField),
        ("member", r#"{"egress_bytes":1125899906842625}"#, ProblemCode::InvalidField),
        ("org", r#"{"running":-1}"#, ProblemCode::InvalidBody),
        ("org", r#"{"running":1.5}"#, ProblemCode::InvalidBody),
        ("org", r#"{"walking":1}"#, ProblemCode::InvalidBody),
        ("everybody", "{}", ProblemCode::InvalidParameter),
        (stranger.as_str(), r#"{"running":9}"#, ProblemCode::NotFound),
    ];
    for (holder, body, code) in table {
        let answer = owner.limiting(org, holder, body).send().await?;
        answer.refused(code).with_context(|| format!("{holder} {body}"))?;
    }
    assert_eq!(limits(owner, org).await?, before);
    assert_eq!(deeds(&World::shared()?, "quota.set", &bo).await?, 0);

    limit(owner, org, &bo, r#"{"running":1000,"seconds":0}"#).await?;
    limit(owner, org, "member", r#"{"egress_bytes":1125899906842624}"#).await?;
    let set = limit(owner, org, "org", r#"{"running":3}"#).await?.set;
    let told: Vec<_> = set.iter().map(|held| (held.holder.as_str(), held.name.as_str())).collect();
    assert_eq!(told, [("org", ""), ("member", ""), (bo.as_str(), "Bo")]);
    assert_eq!(limits(owner, org).await?.set, set);
    assert_eq!(deeds(&World::shared()?, "quota.set", &bo).await?, 1);
    Ok(())
}

#[tokio::test]
async fn who_asks_twice_under_one_name_asks_once() -> Result<()> {
    let land = Land::shared().await?;
    let (bo, owner, chat) = (&land.bo, &land.team.owner, land.chat.id);
    let ask = async |person: &Person, name: &str| -> Result<Approval> {
        person.asking_as(chat, Some(name)).send().await?.read()
    };
    let first = ask(bo, "one").await?;
    assert_eq!(ask(bo, "one").await?, first);
    // At once, too; and a post may have the same name.
    bo.post(chat, "many", "hello").await?;
    let many = try_join_all((0..8).map(|_| ask(bo, "many"))).await?;
    let [same, rest @ ..] = many.as_slice() else { bail!("none") };
    assert!(rest.iter().all(|one| one == same), "{many:?}");
    assert_ne!(same.id, first.id);
    assert_ne!(ask(owner, "one").await?.id, first.id, "another person's name is another");
    let log = bo.log(chat).await?;
    let questions = log.iter().filter(|event| matches!(event.body, EventBody::ApprovalRequested { .. }));
    assert_eq!(questions.count(), 3);

    // Whatever became of it, and whether or not it could be had now.
    owner.deciding(first.id, ApprovalDecision::Deny, None).send().await?.done()?;
    limit(owner, land.team.org, "org", r#"{"running":0}"#).await?;
    let again = ask(bo, "one").await?;
    assert_eq!((again.id, again.state), (first.id, ApprovalState::Denied));
    bo.asking_as(chat, Some("new")).send().await?.refused(ProblemCode::QuotaReached)?;
    for wrong in [String::new(), "é".repeat(33)] {
        let refused = bo.asking_as(chat, Some(&wrong)).send().await?.refused(ProblemCode::InvalidField)?;
        assert_eq!(refused.field.as_deref(), Some("client_id"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_known_by_its_name_after_a_crash() -> Result<()> {
    let (mut bed, _, land) = own_stack().await?;
    let asking = || land.bo.asking_as(land.chat.id, Some("one"));
    let first: Approval = asking().send().await?.read()?;
    block_in_place(|| bed.stack.kill_workerd())?;
    assert_eq!(asking().send().await?.read::<Approval>()?, first);
    assert_eq!(land.bo.describe(land.chat.id).await?.open_approvals.len(), 1);
    Ok(())
}

#[tokio::test]
async fn who_finds_a_place_is_never_told_to_wait() -> Result<()> {
    let land = Land::shared().await?;
    let sandbox = land.start().await?;
    assert_eq!(told(&land, sandbox).await?, [SandboxState::Starting, SandboxState::Ready]);
    land.bo.stop(sandbox).await?;
    let asked = land.bo.ask_sandbox(land.chat.id).await?;
    land.team.owner.approve_reuse(asked.id).await?;
    land.carried_out(asked.id).await?;
    let told = told(&land, sandbox).await?;
    assert_eq!(told.last(), Some(&SandboxState::Ready));
    assert!(!told.contains(&SandboxState::Queued), "{told:?}");
    Ok(())
}

#[tokio::test]
async fn a_guest_is_nobody_to_wait_for_until_they_are_a_member() -> Result<()> {
    let team = World::shared()?.team("Hosts").await?;
    let guest = team.join("Gus", Role::Guest).await?;
    team.owner.add_to_channel(team.org, team.channel, guest.id()).await?.done()?;
    let chat = team.chat("With a guest", &[&guest]).await?;
    let first = team.owner.ask_sandbox(chat.id).await?;
    let second = team.owner.ask_sandbox(chat.id).await?;
    assert_eq!(team.owner.approve(first.id).await?.state, ApprovalState::Approved);

    let member = team.owner.member(team.org, guest.id()).await?.id;
    team.owner.set_role(team.org, member, Role::Member).await?.done()?;
    let own = team.owner.deciding(second.id, ApprovalDecision::Approve, None).send().await?;
    own.refused(ProblemCode::NotYoursToDecide)?;
    assert_eq!(guest.approve(second.id).await?.state, ApprovalState::Approved);
    Ok(())
}
