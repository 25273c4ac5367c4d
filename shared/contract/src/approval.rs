//! Approvals: what is asked, with everything that a person needs to answer, and how it ends.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::ids::{SandboxId, UserId};
use crate::sandbox::SandboxSize;

/// How much harm a thing could do. `low` and `medium` happen by themselves; the others ask people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Reads what the chat may see anyway.
    Low,
    /// Changes things inside a sandbox that was approved.
    Medium,
    /// Costs money or reaches outside.
    High,
    /// Cannot be taken back.
    Critical,
}

/// What shall happen once it is approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ApprovalAction {
    /// Start a sandbox for the chat.
    StartSandbox {
        /// How large.
        size: SandboxSize,
        /// What it may reach; empty for nothing.
        hosts: Vec<String>,
        /// Files to begin with: the name of a template.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        template: Option<String>,
        /// The chat's sandbox that could be used again instead of a new one.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        reuse: Option<SandboxId>,
    },
    /// Let a sandbox reach more hosts.
    AllowHosts {
        /// Which.
        sandbox: SandboxId,
        /// What it may reach as well.
        hosts: Vec<String>,
    },
}

/// The wire form of [`ApprovalAction`]; see `Tagged` in `actor.rs` on why it is not derived.
#[derive(Deserialize)]
struct Action {
    kind: String,
    #[serde(default)]
    size: Option<SandboxSize>,
    hosts: Vec<String>,
    #[serde(default)]
    template: Option<String>,
    #[serde(default)]
    reuse: Option<SandboxId>,
    #[serde(default)]
    sandbox: Option<SandboxId>,
}

impl<'de> Deserialize<'de> for ApprovalAction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Action { kind, size, hosts, template, reuse, sandbox } = Action::deserialize(deserializer)?;
        match (kind.as_str(), size, sandbox) {
            ("start_sandbox", Some(size), _) => Ok(Self::StartSandbox { size, hosts, template, reuse }),
            ("allow_hosts", _, Some(sandbox)) => Ok(Self::AllowHosts { sandbox, hosts }),
            _ => Err(de::Error::custom("no known `kind`, or not all of its fields")),
        }
    }
}

/// What an approval costs while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ApprovalCost {
    /// Millionths of a US dollar an hour, while it runs.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub micro_usd_per_hour: u64,
    /// Sandbox seconds that the org has left this month.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub seconds_left: u64,
}

/// The question, with its exact arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ApprovalAsk {
    /// What shall happen.
    pub action: ApprovalAction,
    /// How much harm it could do.
    pub risk: Risk,
    /// Why, in the words of who asks.
    pub reason: String,
    /// What it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub cost: Option<ApprovalCost>,
    /// How many people must approve.
    pub quorum: u8,
    /// Whether the person who caused it may answer.
    pub self_approval: SelfApproval,
    /// How long it stands, in seconds.
    pub life_s: u32,
}

/// Whether the person who caused an ask (they asked, or their message made the agent ask) may approve it. Agents never do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SelfApproval {
    /// Never.
    Never,
    /// While nobody else in the chat could.
    #[default]
    WhenAlone,
    /// Always.
    Always,
}

/// Which way an approval is meant, where there are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ApprovalOption {
    /// A new sandbox.
    New,
    /// The one that the question names.
    Reuse,
}

/// How an approval stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Nobody has decided, or not enough people have.
    Open,
    /// Enough people approved.
    Approved,
    /// Somebody denied.
    Denied,
    /// Nobody answered in time.
    Expired,
    /// What asked for it has ended.
    Withdrawn,
}

/// One person's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Vote {
    /// Who.
    pub user: UserId,
    /// For or against.
    pub approve: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: &str = "sbx_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5c";

    #[test]
    fn an_action_reads_as_it_is_written_and_not_without_its_fields() {
        let actions = [
            r#"{"kind":"start_sandbox","size":"large","hosts":[]}"#.to_owned(),
            format!(
                r#"{{"kind":"start_sandbox","size":"small","hosts":["a.org"],"template":"vite-app","reuse":"{S}"}}"#
            ),
            format!(r#"{{"kind":"allow_hosts","sandbox":"{S}","hosts":["a.org","*.b.org"]}}"#),
        ];
        for text in actions {
            let action: ApprovalAction = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&action).unwrap(), text);
        }
        let wrong = [
            r#"{"kind":"start_sandbox","size":"huge","hosts":[]}"#.to_owned(),
            r#"{"kind":"start_sandbox","hosts":[]}"#.to_owned(),
            r#"{"kind":"start_sandbox","size":"small"}"#.to_owned(),
            r#"{"kind":"allow_hosts","hosts":["a.org"]}"#.to_owned(),
            format!(r#"{{"kind":"other","sandbox":"{S}","size":"small","hosts":[]}}"#),
            format!(r#"{{"sandbox":"{S}","hosts":[]}}"#),
        ];
        for text in wrong {
            assert!(serde_json::from_str::<ApprovalAction>(&text).is_err(), "{text}");
        }
    }
}
