//! Nothing starts that people did not allow, and what they allowed happens once.

use anyhow::{Context as _, Result, bail};
use e2e::{World, eventually};
use futures::future::try_join_all;
use slipway_contract::approval::{ApprovalAction, ApprovalState, Risk};
use slipway_contract::events::EventBody;
use slipway_contract::http::approvals::ApprovalDecision;
use slipway_contract::http::chats::TurnState;
use slipway_contract::http::orgs::Role;
use slipway_contract::sandbox::{SandboxSize, SandboxState};
use slipway_contract::{Actor, ProblemCode};

use crate::land::{Land, last_message};

#[tokio::test]
async fn a_card_says_everything_and_another_person_approves() -> Result<()> {
    let land = Land::shared().await?;
    let asked = land.bo.ask_sandbox(land.chat.id).await?;
    assert_eq!(asked.state, ApprovalState::Open);
    assert_eq!(asked.asked_by, Actor::User { id: land.bo.id() });
    assert_eq!(asked.ask.risk, Risk::High);
    assert_eq!(asked.ask.reason, "to try something");
    assert_eq!(asked.expires_at.since(asked.asked_at), 24 * 60 * 60 * 1000);
    let ApprovalAction::StartSandbox { size, hosts, reuse, .. } = &asked.ask.action else {
        bail!("{asked:?}")
    };
    assert_eq!((*size, hosts.is_empty(), *reuse), (SandboxSize::Small, true, None));
    let cost = asked.ask.cost.context("no cost")?;
    assert!(cost.micro_usd_per_hour > 0 && cost.seconds_left > 0, "{cost:?}");

    // Who asked does not answer while somebody else could.
    let own = land.bo.deciding(asked.id, ApprovalDecision::Approve, None).send().await?;
    own.refused(ProblemCode::NotYoursToDecide)?;

    let approved = land.team.owner.approve(asked.id).await?;
    assert_eq!(approved.state, ApprovalState::Approved);
    // The same again is answered as at first; another word is too late.
    assert_eq!(land.team.owner.approve(asked.id).await?, approved);
    let late = land.team.owner.deciding(asked.id, ApprovalDecision::Deny, None).send().await?;
    assert!(
        matches!(late.problem()?.code, ProblemCode::ApprovalEnded | ProblemCode::NotYoursToDecide),
        "{late}"
    );

    land.carried_out(asked.id).await?;
    let sandbox = land.present(SandboxState::Ready).await?;
    assert_eq!(land.bo.run(sandbox.id, "echo it runs").await?.stdout, "it runs\n");
    Ok(())
}

#[tokio::test]
async fn a_denial_gives_its_reason_and_nothing_starts() -> Result<()> {
    let land = Land::shared().await?;
    let asked = land.bo.ask_sandbox(land.chat.id).await?;
    let denied = land.team.owner.deciding(asked.id, ApprovalDecision::Deny, Some("not today")).send().await?;
    denied.done()?;
    let log = land.bo.log(land.chat.id).await?;
    let reason = log.iter().find_map(|event| {
        let EventBody::ApprovalVoted { approve: false, reason, .. } = &event.body else { return None };
        reason.clone()
    });
    assert_eq!(reason.as_deref(), Some("not today"));
    assert!(land.bo.sandboxes(land.chat.id).await?.is_empty());
    let late = land.team.owner.deciding(asked.id, ApprovalDecision::Approve, None).send().await?;
    assert!(
        matches!(late.problem()?.code, ProblemCode::ApprovalEnded | ProblemCode::NotYoursToDecide),
        "{late}"
    );
    Ok(())
}

#[tokio::test]
async fn many_approve_at_once_and_one_sandbox_starts() -> Result<()> {
    let land = Land::shared().await?;
    let mut others = vec![land.team.owner.clone()];
    for name in ["Cy", "Di", "Ed"] {
        let person = land.team.join(name, Role::Member).await?;
        land.team.owner.admit(land.chat.id, person.id()).await?;
        others.push(person);
    }
    let asked = land.bo.ask_sandbox(land.chat.id).await?;
    let calls = others.iter().map(|person| person.deciding(asked.id, ApprovalDecision::Approve, None).send());
    let answers = try_join_all(calls).await?;
    assert!(answers.iter().filter(|answer| answer.is_success()).count() >= 1);
    for answer in answers.iter().filter(|answer| !answer.is_success()) {
        answer.refused(ProblemCode::ApprovalEnded)?;
    }
    land.carried_out(asked.id).await?;
    assert_eq!(land.bo.sandboxes(land.chat.id).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn who_is_alone_in_a_chat_may_allow_it_to_themselves() -> Result<()> {
    let team = World::shared()?.team("Solo").await?;
    let chat = team.chat("Alone", &[]).await?;
    let asked = team.owner.ask_sandbox(chat.id).await?;
    assert_eq!(team.owner.approve(asked.id).await?.state, ApprovalState::Approved);
    Ok(())
}

#[tokio::test]
async fn an_agent_asks_waits_and_goes_on_when_somebody_approves() -> Result<()> {
    let land = Land::shared().await?;
    let agent = land.demo().await?;
    land.bo.post(land.chat.id, "ask", "@helper run: echo six times seven is $((6*7))").await?;
    let asked = land.open_approval().await?;
    assert_eq!(asked.asked_by, Actor::Agent { id: agent.id });
    assert_eq!(asked.user, Some(land.bo.id()));
    let turn = asked.turn.context("no turn waits")?;
    eventually("the turn waits", async || {
        let open = land.bo.describe(land.chat.id).await?.open_turns;
        Ok(open.iter().find(|open| open.id == turn && open.state == TurnState::Waiting).map(drop))
    })
    .await?;
    land.team.owner.approve(asked.id).await?;
    land.rest().await?;
    let answer = last_message(&land.bo, land.chat.id).await?;
    assert!(answer.contains("six times seven is 42"), "{answer}");

    // It runs now, so the next command needs nobody.
    land.bo.post(land.chat.id, "again", "@helper run: echo again && pwd").await?;
    land.rest().await?;
    let answer = last_message(&land.bo, land.chat.id).await?;
    assert!(answer.contains("again") && answer.contains("/workspace"), "{answer}");
    let asked = land.bo.log(land.chat.id).await?;
    let asked =
        asked.iter().filter(|event| matches!(event.body, EventBody::ApprovalRequested { .. })).count();
    assert_eq!(asked, 1);
    Ok(())
}

#[tokio::test]
async fn an_agent_that_is_denied_reads_why_and_ends_its_turn() -> Result<()> {
    let land = Land::shared().await?;
    land.demo().await?;
    land.bo.post(land.chat.id, "ask", "@helper run: rm -rf /").await?;
    let asked = land.open_approval().await?;
    land.team.owner.deciding(asked.id, ApprovalDecision::Deny, Some("too dangerous")).send().await?.done()?;
    land.rest().await?;
    let answer = last_message(&land.bo, land.chat.id).await?;
    assert!(answer.contains("too dangerous"), "{answer}");
    assert!(land.bo.sandboxes(land.chat.id).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn stopping_a_turn_that_waits_withdraws_its_question() -> Result<()> {
    let land = Land::shared().await?;
    land.demo().await?;
    land.bo.post(land.chat.id, "ask", "@helper run: true").await?;
    let asked = land.open_approval().await?;
    let turn = asked.turn.context("no turn waits")?;
    land.bo.call(reqwest::Method::POST, &format!("/v1/turns/{turn}/cancel")).send().await?.done()?;
    assert!(land.bo.describe(land.chat.id).await?.open_approvals.is_empty());
    let late = land.team.owner.deciding(asked.id, ApprovalDecision::Approve, None).send().await?;
    late.refused(ProblemCode::ApprovalEnded)?;
    Ok(())
}

#[tokio::test]
async fn the_inbox_has_what_ones_own_chats_ask() -> Result<()> {
    let land = Land::shared().await?;
    let outsider = land.team.join("Out", Role::Member).await?;
    let asked = land.bo.ask_sandbox(land.chat.id).await?;
    let owner = &land.team.owner;
    let shown = eventually("the question in the inbox", async || {
        Ok(owner.inbox("open").await?.into_iter().find(|one| one.id == asked.id))
    })
    .await?;
    assert_eq!((shown.chat, shown.chat_title.as_str()), (land.chat.id, "Talk"));
    assert_eq!(shown.ask, asked.ask);
    assert!(outsider.inbox("open").await?.is_empty());
    outsider
        .deciding(asked.id, ApprovalDecision::Approve, None)
        .send()
        .await?
        .refused(ProblemCode::NotFound)?;
    owner.deciding(asked.id, ApprovalDecision::Deny, None).send().await?.done()?;
    eventually("the decision in the inbox", async || {
        let denied = owner.inbox("denied").await?.into_iter().find(|one| one.id == asked.id);
        Ok(denied.filter(|one| one.votes.len() == 1))
    })
    .await?;
    assert!(owner.inbox("open").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn guests_neither_ask_nor_decide() -> Result<()> {
    let land = Land::shared().await?;
    let guest = land.team.join("Gus", Role::Guest).await?;
    land.team.owner.add_to_channel(land.team.org, land.team.channel, guest.id()).await?.done()?;
    land.team.owner.admit(land.chat.id, guest.id()).await?;
    guest.asking(land.chat.id).send().await?.refused(ProblemCode::Forbidden)?;
    let asked = land.bo.ask_sandbox(land.chat.id).await?;
    guest
        .deciding(asked.id, ApprovalDecision::Approve, None)
        .send()
        .await?
        .refused(ProblemCode::Forbidden)?;
    Ok(())
}
