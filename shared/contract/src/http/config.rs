//! What an org sets for itself: typed keys, each with a default.

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::time::Timestamp;

/// A key. What its value is, and what is refused, `slipway_domain::config` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConfigKey {
    /// Order of the channels in the sidebar, and which are folded: `{ "order": ["chan_…"], "folded": ["chan_…"] }`.
    SidebarLayout,
    /// What people see who have not chosen for themselves: `system`, `light` or `dark`.
    Theme,
    /// Order in which agents are offered: `["agent_…"]`; those not named follow by name.
    AgentRosterOrder,
    /// What forks are called: `{ "one": "fork", "many": "forks" }`, 1 to 30 characters each.
    ForkTerminology,
    /// Open forks of one chat: 0 (none may be begun) to 50.
    MaxForksPerThread,
    /// The agent that new chats begin with: its id, or `null`.
    DefaultAgent,
    /// Switches by name: `{ "name": true }`, at most 50.
    Features,
    /// Days without an event after which a chat is archived: 1 to 3650, or `null` for never.
    ArchiveAfterDays,
}

impl ConfigKey {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 8] = [
        Self::SidebarLayout,
        Self::Theme,
        Self::AgentRosterOrder,
        Self::ForkTerminology,
        Self::MaxForksPerThread,
        Self::DefaultAgent,
        Self::Features,
        Self::ArchiveAfterDays,
    ];

    /// The key as it stands in paths and bodies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SidebarLayout => "sidebar_layout",
            Self::Theme => "theme",
            Self::AgentRosterOrder => "agent_roster_order",
            Self::ForkTerminology => "fork_terminology",
            Self::MaxForksPerThread => "max_forks_per_thread",
            Self::DefaultAgent => "default_agent",
            Self::Features => "features",
            Self::ArchiveAfterDays => "archive_after_days",
        }
    }
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConfigEntry {
    /// The key.
    pub key: ConfigKey,
    /// Its value; the default where nobody set one.
    pub value: serde_json::Value,
    /// Who set it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<Actor>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

/// Body of `PUT /v1/orgs/{org}/config/{key}`; by admins and owners.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetConfig {
    /// The new value; the default again where it is absent. `null` is a value, of the keys that have it.
    #[serde(default, deserialize_with = "crate::http::present", skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
}

/// Answer of `GET /v1/orgs/{org}/config`: every key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Config {
    /// The keys in their order.
    pub entries: Vec<ConfigEntry>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_called_as_it_is_written() {
        for key in ConfigKey::ALL {
            assert_eq!(serde_json::to_value(key).unwrap(), key.name());
        }
    }

    #[test]
    fn null_is_a_value_and_absence_is_none() {
        let value = |text| serde_json::from_str::<SetConfig>(text).unwrap().value;
        assert_eq!(value(r#"{"value":null}"#), Some(serde_json::Value::Null));
        assert_eq!(value("{}"), None);
        assert!(serde_json::from_str::<SetConfig>(r#"{"valeu":1}"#).is_err());
    }
}
