//! What starting a sandbox would take: the question that people are asked.
//!
//! Invariant: nobody is asked for what could not be had: without an executor, a place at all, or anything left of the month,
//! the answer is no, and says why.

use slipway_contract::approval::{ApprovalAction, ApprovalAsk, ApprovalCost, Risk};
use slipway_contract::http::approvals::ApprovalPolicy;
use slipway_contract::sandbox::{SandboxSize, SandboxState};
use slipway_contract::{ChatId, OrgId, Problem, ProblemCode, SandboxId, UserId};
use slipway_domain::sandbox::micro_usd_per_hour;
use slipway_store::quotas::Standing;
use slipway_store::sandboxes::{self, StoredSandbox};
use slipway_store::{OrgDb, StoreError, approval_policies, places, quotas};

use super::change::Changes;
use super::words;

/// How long a question stands, in seconds: a day, so that people of all time zones see it.
const LIFE_S: u32 = 24 * 60 * 60;

/// What is wanted; within its limits, the hosts in their one form.
pub(crate) struct Wish {
    pub(crate) size: SandboxSize,
    pub(crate) hosts: Vec<String>,
    pub(crate) template: Option<String>,
    pub(crate) reason: String,
}

/// When it is worth asking again after a quota was reached, in seconds: somebody has to raise it, or a month to begin.
const QUOTA_RETRY_S: u32 = 3_600;

impl Changes<'_> {
    /// The question for a wish.
    ///
    /// # Errors
    /// It cannot be had.
    pub(crate) async fn quote(
        &mut self,
        org: OrgId,
        chat: ChatId,
        user: Option<UserId>,
        wish: Wish,
    ) -> Result<ApprovalAsk, Problem> {
        if self.hosts.is_empty() {
            return Err(Problem::new(ProblemCode::Unavailable).detail(words::NOT_SET_UP));
        }
        let mut rows = self.link.rows(org).await?;
        let read = read(&mut rows, chat, user, self.errand.now()).await;
        let (current, policy, standing) = read.map_err(|error| self.errand.refuse(&error))?;
        self.link.done(rows);
        if let Some(why) = used_up(&standing) {
            return Err(Problem::new(ProblemCode::QuotaReached)
                .detail(capitalised(why))
                .retry_after(QUOTA_RETRY_S));
        }
        let reuse = current.filter(|row| may_be_used_again(row, wish.size)).map(|row| row.id);
        Ok(start(wish, reuse, policy, standing.seconds_left()))
    }

    /// The question for more hosts.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub(crate) async fn ask_for_hosts(
        &mut self,
        row: &StoredSandbox,
        hosts: Vec<String>,
        reason: String,
    ) -> Result<ApprovalAsk, Problem> {
        let mut rows = self.link.rows(row.org).await?;
        let policy = approval_policies::get(&mut rows).await.map_err(|error| self.errand.refuse(&error))?;
        self.link.done(rows);
        let action = ApprovalAction::AllowHosts { sandbox: row.id, hosts };
        Ok(ask(action, reason, None, policy))
    }
}

async fn read(
    rows: &mut OrgDb,
    chat: ChatId,
    user: Option<UserId>,
    now: slipway_contract::Timestamp,
) -> Result<(Option<StoredSandbox>, ApprovalPolicy, Standing), StoreError> {
    let current = sandboxes::current(rows, chat).await?;
    let policy = approval_policies::get(rows).await?;
    Ok((current, policy, quotas::standing(rows, user, now).await?))
}

/// Which quota of the month is used up or lets nothing run, if one does.
fn used_up(standing: &Standing) -> Option<&'static str> {
    let both = [(places::Whose::Org, Some(standing.org)), (places::Whose::User, standing.user)];
    both.into_iter().find_map(|(whose, quota)| {
        let quota = quota?;
        if quota.running_limit == 0 {
            Some(words::no_places(whose))
        } else if quota.seconds >= quota.seconds_limit {
            Some(words::no_time(whose))
        } else if quota.egress_bytes >= quota.egress_limit_bytes {
            Some(words::no_egress(whose))
        } else {
            None
        }
    })
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(rest).chain(['.']).collect()
}

/// Whether an earlier sandbox could serve in place of a new one. Its size stays what it was.
fn may_be_used_again(row: &StoredSandbox, size: SandboxSize) -> bool {
    let there = match row.sandbox.state() {
        SandboxState::Ready | SandboxState::Idle | SandboxState::Stopped | SandboxState::Failed => true,
        SandboxState::Queued | SandboxState::Starting | SandboxState::Stopping | SandboxState::Destroyed => {
            false
        }
    };
    there && row.size == size && row.executor.is_some()
}

fn start(wish: Wish, reuse: Option<SandboxId>, policy: ApprovalPolicy, seconds_left: u64) -> ApprovalAsk {
    let cost = ApprovalCost { micro_usd_per_hour: micro_usd_per_hour(wish.size), seconds_left };
    let action =
        ApprovalAction::StartSandbox { size: wish.size, hosts: wish.hosts, template: wish.template, reuse };
    ask(action, wish.reason, Some(cost), policy)
}

fn ask(
    action: ApprovalAction,
    reason: String,
    cost: Option<ApprovalCost>,
    policy: ApprovalPolicy,
) -> ApprovalAsk {
    ApprovalAsk {
        action,
        risk: Risk::High,
        reason: reason.trim().to_owned(),
        cost,
        quorum: policy.quorum,
        self_approval: policy.self_approval,
        life_s: LIFE_S,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use slipway_contract::approval::SelfApproval;
    use slipway_contract::http::usage::Quota;

    use super::*;

    const FREE: Quota = Quota {
        running: 0,
        running_limit: 5,
        seconds: 10,
        seconds_limit: 3_600,
        egress_bytes: 0,
        egress_limit_bytes: 1,
    };

    #[test]
    fn the_question_has_the_cost_the_scope_and_the_org_s_policy() {
        let wish = Wish {
            size: SandboxSize::Small,
            hosts: vec!["registry.npmjs.org".to_owned()],
            template: Some("vite-app".to_owned()),
            reason: " To build the page \n".to_owned(),
        };
        let policy = ApprovalPolicy { quorum: 2, self_approval: SelfApproval::Never };
        let ask = start(wish, Some(SandboxId::fresh(1, [0; 10])), policy, 3_590);
        expect![[r#"
            {
              "action": {
                "kind": "start_sandbox",
                "size": "small",
                "hosts": [
                  "registry.npmjs.org"
                ],
                "template": "vite-app",
                "reuse": "sbx_00000000000170008000000000000000"
              },
              "risk": "high",
              "reason": "To build the page",
              "cost": {
                "micro_usd_per_hour": 81540,
                "seconds_left": 3590
              },
              "quorum": 2,
              "self_approval": "never",
              "life_s": 86400
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&ask).unwrap());
    }

    #[test]
    fn a_used_up_quota_is_said_before_anybody_is_asked() {
        let no_places = Quota { running_limit: 0, ..FREE };
        let no_time = Quota { seconds: 3_600, ..FREE };
        let no_egress = Quota { egress_bytes: 1, ..FREE };
        let table = [
            Standing { org: FREE, user: Some(FREE) },
            Standing { org: FREE, user: None },
            Standing { org: no_places, user: Some(no_time) },
            Standing { org: FREE, user: Some(no_places) },
            Standing { org: no_time, user: Some(no_time) },
            Standing { org: FREE, user: Some(no_time) },
            Standing { org: no_egress, user: None },
            Standing { org: FREE, user: Some(no_egress) },
        ];
        let told = table.iter().map(|standing| used_up(standing).map_or("free".to_owned(), capitalised));
        expect![[r#"
            free
            free
            The org may run no sandboxes.
            The person who asked may run no sandboxes.
            The org has used up its sandbox time of this month.
            The person who asked has used up their sandbox time of this month.
            The org's sandboxes have sent out all that they may this month.
            The sandboxes of the person who asked have sent out all that they may this month."#]]
        .assert_eq(&told.collect::<Vec<_>>().join("\n"));
    }
}
