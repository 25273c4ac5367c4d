//! What an org sets for itself: which values a key takes, what holds where nobody set one, and what of the sidebar's layout
//! somebody sees.
//!
//! Invariant: a [`Setting`] is a value that its key takes; only [`Setting::parse`] and [`Setting::default_of`] make one from
//! outside.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use slipway_contract::http::config::ConfigKey;
use slipway_contract::{AgentId, ChannelId, Problem, limits};

use crate::names;
use crate::orgs::{AGENTS, CHANNELS};

/// Longest word for a fork, in characters.
pub const WORD_CHARS: usize = 30;
/// Switches of one org.
pub const FEATURES: usize = 50;
/// Longest name of a switch, in characters.
pub const FEATURE_CHARS: usize = 60;
/// Most days after which a chat is archived: ten years.
pub const ARCHIVE_DAYS_MAX: u32 = 3650;
/// Days after which a chat is archived where nobody set another number.
pub const ARCHIVE_DAYS: u32 = 2;

/// A key's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The order of channels, and which are folded.
    SidebarLayout(SidebarLayout),
    /// What people see who have not chosen.
    Theme(Theme),
    /// Agents in the order in which they are offered.
    AgentRosterOrder(Vec<AgentId>),
    /// What forks are called.
    ForkTerminology(ForkTerminology),
    /// Open forks of one chat.
    MaxForksPerThread(u32),
    /// The agent that new chats begin with.
    DefaultAgent(Option<AgentId>),
    /// Switches by name.
    Features(BTreeMap<String, bool>),
    /// Days without an event after which a chat is archived; `None` for never.
    ArchiveAfterDays(Option<u32>),
}

/// The order of channels in the sidebar, and which stand folded away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SidebarLayout {
    /// Those that stand first; the others follow by name.
    #[serde(default)]
    pub order: Vec<ChannelId>,
    /// Those that are folded.
    #[serde(default)]
    pub folded: Vec<ChannelId>,
}

/// How the app looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the person's device is set.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What forks are called.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForkTerminology {
    /// One of them.
    pub one: String,
    /// Several.
    pub many: String,
}

impl Setting {
    /// The setting that `value` is for `key`.
    ///
    /// # Errors
    /// `invalid_field` for `value`.
    pub fn parse(key: ConfigKey, value: &Value) -> Result<Self, Problem> {
        Ok(match key {
            ConfigKey::SidebarLayout => {
                let layout: SidebarLayout =
                    read(value, "must be an object with the lists order and folded of channels' ids")?;
                let most = usize::try_from(CHANNELS).unwrap_or(usize::MAX);
                distinct(&layout.order, most)?;
                distinct(&layout.folded, most)?;
                Self::SidebarLayout(layout)
            }
            ConfigKey::Theme => Self::Theme(read(value, "must be system, light or dark")?),
            ConfigKey::AgentRosterOrder => {
                let agents: Vec<AgentId> = read(value, "must be a list of agents' ids")?;
                distinct(&agents, usize::try_from(AGENTS).unwrap_or(usize::MAX))?;
                Self::AgentRosterOrder(agents)
            }
            ConfigKey::ForkTerminology => {
                let words: ForkTerminology = read(value, "must be an object with the texts one and many")?;
                Self::ForkTerminology(ForkTerminology { one: word(&words.one)?, many: word(&words.many)? })
            }
            ConfigKey::MaxForksPerThread => {
                let rule = || format!("must be a whole number from 0 to {}", limits::OPEN_FORKS_MAX);
                let most: u32 = read(value, &rule())?;
                (most <= limits::OPEN_FORKS_MAX).then_some(()).ok_or_else(|| refused(rule()))?;
                Self::MaxForksPerThread(most)
            }
            ConfigKey::DefaultAgent => Self::DefaultAgent(read(value, "must be an agent's id, or null")?),
            ConfigKey::Features => {
                let switches: BTreeMap<String, bool> =
                    read(value, "must be an object whose values are true or false")?;
                features(&switches)?;
                Self::Features(switches)
            }
            ConfigKey::ArchiveAfterDays => {
                let rule = || format!("must be a whole number from 1 to {ARCHIVE_DAYS_MAX}, or null");
                let days: Option<u32> = read(value, &rule())?;
                if days.is_some_and(|days| !(1..=ARCHIVE_DAYS_MAX).contains(&days)) {
                    return Err(refused(rule()));
                }
                Self::ArchiveAfterDays(days)
            }
        })
    }

    /// What holds where nobody set anything.
    pub fn default_of(key: ConfigKey) -> Self {
        match key {
            ConfigKey::SidebarLayout => Self::SidebarLayout(SidebarLayout::default()),
            ConfigKey::Theme => Self::Theme(Theme::default()),
            ConfigKey::AgentRosterOrder => Self::AgentRosterOrder(Vec::new()),
            ConfigKey::ForkTerminology => {
                Self::ForkTerminology(ForkTerminology { one: "fork".to_owned(), many: "forks".to_owned() })
            }
            // The limit is far below what a u32 holds.
            ConfigKey::MaxForksPerThread => {
                Self::MaxForksPerThread(u32::try_from(limits::OPEN_FORKS_PER_CHAT).unwrap_or(u32::MAX))
            }
            ConfigKey::DefaultAgent => Self::DefaultAgent(None),
            ConfigKey::Features => Self::Features(BTreeMap::new()),
            ConfigKey::ArchiveAfterDays => Self::ArchiveAfterDays(Some(ARCHIVE_DAYS)),
        }
    }

    /// The key that it is of.
    pub const fn key(&self) -> ConfigKey {
        match self {
            Self::SidebarLayout(_) => ConfigKey::SidebarLayout,
            Self::Theme(_) => ConfigKey::Theme,
            Self::AgentRosterOrder(_) => ConfigKey::AgentRosterOrder,
            Self::ForkTerminology(_) => ConfigKey::ForkTerminology,
            Self::MaxForksPerThread(_) => ConfigKey::MaxForksPerThread,
            Self::DefaultAgent(_) => ConfigKey::DefaultAgent,
            Self::Features(_) => ConfigKey::Features,
            Self::ArchiveAfterDays(_) => ConfigKey::ArchiveAfterDays,
        }
    }

    /// The value as it is written; [`Setting::parse`] reads it again.
    pub fn value(&self) -> Value {
        match self {
            Self::SidebarLayout(layout) => {
                object([("order", ids(&layout.order)), ("folded", ids(&layout.folded))])
            }
            Self::Theme(theme) => Value::from(theme.name()),
            Self::AgentRosterOrder(agents) => ids(agents),
            Self::ForkTerminology(words) => {
                object([("one", Value::from(words.one.as_str())), ("many", Value::from(words.many.as_str()))])
            }
            Self::MaxForksPerThread(most) => Value::from(*most),
            Self::DefaultAgent(agent) => Value::from(agent.map(|agent| agent.to_string())),
            Self::Features(switches) => {
                object(switches.iter().map(|(name, on)| (name.as_str(), Value::from(*on))))
            }
            Self::ArchiveAfterDays(days) => Value::from(*days),
        }
    }
}

impl SidebarLayout {
    /// The channels that it names, each once.
    pub fn named(&self) -> BTreeSet<ChannelId> {
        self.order.iter().chain(&self.folded).copied().collect()
    }

    /// What of it somebody is shown who sees the channels `seen`.
    #[must_use]
    pub fn shown(mut self, seen: &BTreeSet<ChannelId>) -> Self {
        self.order.retain(|channel| seen.contains(channel));
        self.folded.retain(|channel| seen.contains(channel));
        self
    }

    /// The layout that somebody makes of `before` who does not see its channels `unseen`: those keep their place behind the
    /// channel that stood before them, and stay folded.
    #[must_use]
    pub fn keeping(mut self, before: &Self, unseen: &BTreeSet<ChannelId>) -> Self {
        let mut place = 0;
        for channel in &before.order {
            if let Some(at) = self.order.iter().position(|known| known == channel) {
                place = at.saturating_add(1);
            } else if unseen.contains(channel) {
                self.order.insert(place, *channel);
                place = place.saturating_add(1);
            }
        }
        self.folded.extend(before.folded.iter().filter(|channel| unseen.contains(channel)));
        self
    }
}

impl Theme {
    const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A value of the wanted form. What the parser says would repeat what was sent; the rule says more.
fn read<T: for<'de> Deserialize<'de>>(value: &Value, rule: &str) -> Result<T, Problem> {
    T::deserialize(value).map_err(|_| refused(rule))
}

fn refused(rule: impl Into<String>) -> Problem {
    Problem::field("value", rule)
}

fn distinct<T: Ord>(list: &[T], most: usize) -> Result<(), Problem> {
    if list.len() > most {
        return Err(refused(format!("must name at most {most}")));
    }
    let all: BTreeSet<_> = list.iter().collect();
    if all.len() == list.len() { Ok(()) } else { Err(refused("must name each once")) }
}

fn word(text: &str) -> Result<String, Problem> {
    names::line("value", text, 1, WORD_CHARS)
}

fn features(switches: &BTreeMap<String, bool>) -> Result<(), Problem> {
    if switches.len() > FEATURES {
        return Err(refused(format!("must have at most {FEATURES} switches")));
    }
    let fits = |name: &String| {
        (1..=FEATURE_CHARS).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.'))
    };
    if switches.keys().all(fits) {
        return Ok(());
    }
    Err(refused(format!(
        "a switch's name has 1 to {FEATURE_CHARS} of a-z, 0-9, underscore, hyphen and dot, and begins with a letter"
    )))
}

fn ids<T: ToString>(ids: &[T]) -> Value {
    ids.iter().map(ToString::to_string).collect()
}

fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests;
