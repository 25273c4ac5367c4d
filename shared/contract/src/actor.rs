//! Who does something. Resolved once at the edge and passed on as a value, never as a header from outside.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::ids::{AgentId, UserId};

/// Who a command comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A person.
    User {
        /// Which.
        id: UserId,
    },
    /// An agent.
    Agent {
        /// Which.
        id: AgentId,
    },
    /// Slipway itself: sweeps, recovery, projections.
    System,
}

impl Actor {
    /// The participant that this actor would be; Slipway itself takes part in nothing.
    pub const fn participant(self) -> Option<ParticipantId> {
        match self {
            Self::User { id } => Some(ParticipantId::User { id }),
            Self::Agent { id } => Some(ParticipantId::Agent { id }),
            Self::System => None,
        }
    }
}

/// Who takes part in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ParticipantId {
    /// A person.
    User {
        /// Which.
        id: UserId,
    },
    /// An agent.
    Agent {
        /// Which.
        id: AgentId,
    },
}

/// The wire form of both. What serde derives for tagged enums keeps all values aside until it has met the tag; four such
/// enums were a tenth of the chat object's Worker.
#[derive(Deserialize)]
struct Tagged {
    kind: String,
    #[serde(default)]
    id: Option<String>,
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tagged { kind, id } = Tagged::deserialize(deserializer)?;
        let id = id.unwrap_or_default();
        match kind.as_str() {
            "user" => id.parse().map(|id| Self::User { id }),
            "agent" => id.parse().map(|id| Self::Agent { id }),
            "system" => Ok(Self::System),
            _ => return Err(de::Error::custom("`kind` is none of user, agent, system")),
        }
        .map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ParticipantId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let participant = Actor::deserialize(deserializer)?.participant();
        participant.ok_or_else(|| de::Error::custom("Slipway itself takes part in nothing"))
    }
}

impl From<ParticipantId> for Actor {
    fn from(id: ParticipantId) -> Self {
        match id {
            ParticipantId::User { id } => Self::User { id },
            ParticipantId::Agent { id } => Self::Agent { id },
        }
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { id } => id.fmt(f),
            Self::Agent { id } => id.fmt(f),
        }
    }
}

impl FromStr for ParticipantId {
    type Err = crate::ids::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(id) => Ok(Self::User { id }),
            Err(_) => text.parse().map(|id| Self::Agent { id }),
        }
    }
}

/// What a participant may do in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ParticipantRole {
    /// Also removes participants and deletes others' messages: who made the chat, and owners and admins of the org.
    Moderator,
    /// Reads, posts, reacts, renames, adds participants.
    Member,
}

/// A participant as the chat knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Participant {
    /// Who.
    pub id: ParticipantId,
    /// Name shown beside messages.
    pub name: String,
    /// How an agent is mentioned, without the `@`; people have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub slug: Option<AgentSlug>,
    /// What they may do.
    pub role: ParticipantRole,
}

/// How an agent is mentioned: 2 to 32 of `a-z 0-9 -`, starting with a letter, not ending with a hyphen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "string"))]
#[serde(transparent)]
pub struct AgentSlug(String);

/// The text is no agent slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSlug;

impl fmt::Display for InvalidSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a slug has 2 to 32 of a-z, 0-9 and hyphen, starts with a letter and does not end with a hyphen",
        )
    }
}

impl core::error::Error for InvalidSlug {}

impl AgentSlug {
    /// The slug's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AgentSlug {
    type Err = InvalidSlug;

    fn from_str(text: &str) -> Result<Self, InvalidSlug> {
        let fits = (2..=32).contains(&text.len())
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-');
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidSlug) }
    }
}

impl<'de> Deserialize<'de> for AgentSlug {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b";

    #[test]
    fn who_acts_reads_as_it_is_written_and_nothing_else_reads() {
        let actors = [
            format!(r#"{{"kind":"user","id":"user_{UUID}"}}"#),
            format!(r#"{{"kind":"agent","id":"agent_{UUID}"}}"#),
            r#"{"kind":"system"}"#.to_owned(),
        ];
        for text in &actors {
            let actor: Actor = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&actor).unwrap(), *text);
            let participant = serde_json::from_str::<ParticipantId>(text).ok();
            assert_eq!(participant, actor.participant());
        }
        let wrong = [
            format!(r#"{{"kind":"user","id":"agent_{UUID}"}}"#),
            format!(r#"{{"kind":"group","id":"user_{UUID}"}}"#),
            format!(r#"{{"id":"user_{UUID}"}}"#),
            r#"{"kind":"agent"}"#.to_owned(),
            r#"{"kind":"user","id":null}"#.to_owned(),
            r#""system""#.to_owned(),
        ];
        for text in wrong {
            assert!(serde_json::from_str::<Actor>(&text).is_err(), "{text}");
            assert!(serde_json::from_str::<ParticipantId>(&text).is_err(), "{text}");
        }
    }
}
