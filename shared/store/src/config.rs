//! What the org sets for itself. What a key takes, and its default, is in `slipway_domain::config`.
//!
//! Invariant: of the default agent, `agents.is_default` is the truth; its row here says only who set it.

use slipway_contract::http::config::ConfigKey;
use slipway_contract::{Actor, AgentId, Timestamp};
use slipway_domain::config::Setting;

use crate::error::Cause;
use crate::row::Row;
use crate::value::sql;
use crate::{OrgDb, StoreError};

/// A key as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its value; the default where nobody set one.
    pub setting: Setting,
    /// Who set it last, and when.
    pub updated: Option<(Actor, Timestamp)>,
}

/// Every key, in their order.
///
/// # Errors
/// Only those of the connection.
pub async fn all(db: &mut OrgDb) -> Result<Vec<Stored>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- config::all
             SELECT key, value, updated_by, updated_at FROM org_config WHERE org_id = $1",
            &[sql(org)],
        )
        .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        found.push((row.read::<String>("key")?, row));
    }
    let agent = default_agent(db).await?;
    let stored = ConfigKey::ALL.map(|key| {
        let row = found.iter().find(|(name, _)| name == key.name()).map(|(_, row)| *row);
        stands(key, row, agent)
    });
    stored.into_iter().collect()
}

/// One key.
///
/// # Errors
/// Only those of the connection.
pub async fn get(db: &mut OrgDb, key: ConfigKey) -> Result<Stored, StoreError> {
    let org = db.org();
    let row = db
        .fetch_optional(
            "-- config::get
             SELECT value, updated_by, updated_at FROM org_config WHERE org_id = $1 AND key = $2",
            &[sql(org), sql(key.name())],
        )
        .await?;
    let agent = if key == ConfigKey::DefaultAgent { default_agent(db).await? } else { None };
    stands(key, row.as_ref(), agent)
}

/// Open forks that one chat of the org may have.
///
/// # Errors
/// Only those of the connection.
pub async fn max_forks(db: &mut OrgDb) -> Result<u32, StoreError> {
    let Setting::MaxForksPerThread(most) = get(db, ConfigKey::MaxForksPerThread).await?.setting else {
        return Err(StoreError::Internal { statement: "config::max_forks", source: Cause::Column("value") });
    };
    Ok(most)
}

/// Days without an event after which the org's chats are archived; `None` for never.
///
/// # Errors
/// Only those of the connection.
pub async fn archive_after_days(db: &mut OrgDb) -> Result<Option<u32>, StoreError> {
    const NAME: &str = "config::archive_after_days";
    let Setting::ArchiveAfterDays(days) = get(db, ConfigKey::ArchiveAfterDays).await?.setting else {
        return Err(StoreError::Internal { statement: NAME, source: Cause::Column("value") });
    };
    Ok(days)
}

/// Takes a key to change it: nobody else changes it until the transaction ends. Answers what was set before, and has `by` as
/// who set it last.
///
/// # Errors
/// Only those of the connection.
pub async fn take(db: &mut OrgDb, key: ConfigKey, by: Actor, now: Timestamp) -> Result<Setting, StoreError> {
    let org = db.org();
    // The one statement that makes the row or locks it: of two who set a key first, one waits for the other.
    let row = db
        .fetch_one(
            "-- config::take
             INSERT INTO org_config (org_id, key, value, updated_by, updated_at) VALUES ($1, $2, NULL, $3, $4)
             ON CONFLICT (org_id, key) DO UPDATE SET updated_by = excluded.updated_by, updated_at = excluded.updated_at
             RETURNING value, updated_by, updated_at",
            &[sql(org), sql(key.name()), sql(by), sql(now)],
        )
        .await?;
    let agent = if key == ConfigKey::DefaultAgent { default_agent(db).await? } else { None };
    Ok(stands(key, Some(&row), agent)?.setting)
}

/// Sets a key that was taken; `None` for the default again. Answers `false` when it names a default agent that the org does not
/// have or that does not answer: then the transaction is to be dropped.
///
/// # Errors
/// [`StoreError::NotFound`] when the key was not taken; [`StoreError::Overtaken`] when an agent itself became the default at
/// the same moment.
pub async fn set(db: &mut OrgDb, key: ConfigKey, setting: Option<&Setting>) -> Result<bool, StoreError> {
    let org = db.org();
    if key == ConfigKey::DefaultAgent {
        let agent = if let Some(Setting::DefaultAgent(agent)) = setting { *agent } else { None };
        if !set_default_agent(db, agent).await? {
            return Ok(false);
        }
    }
    let value = setting.map(|setting| setting.value().to_string());
    db.execute_one(
        "-- config::set
         UPDATE org_config SET value = $3 WHERE org_id = $1 AND key = $2",
        &[sql(org), sql(key.name()), sql(value.as_ref())],
    )
    .await?;
    Ok(true)
}

async fn default_agent(db: &mut OrgDb) -> Result<Option<AgentId>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- config::default_agent
         SELECT agent_id FROM agents WHERE org_id = $1 AND is_default AND enabled",
        &[sql(org)],
    )
    .await?
    .map(|row| row.read("agent_id"))
    .transpose()
}

async fn set_default_agent(db: &mut OrgDb, agent: Option<AgentId>) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute(
        "-- config::set_default_agent (the one before)
         UPDATE agents SET is_default = false WHERE org_id = $1 AND is_default AND agent_id IS DISTINCT FROM $2",
        &[sql(org), sql(agent)],
    )
    .await?;
    let Some(agent) = agent else { return Ok(true) };
    db.execute_optional(
        "-- config::set_default_agent
         UPDATE agents SET is_default = true WHERE org_id = $1 AND agent_id = $2 AND enabled",
        &[sql(org), sql(agent)],
    )
    .await
}

/// A key as its row says, or by default. What was allowed once and is no longer counts as not set.
fn stands(key: ConfigKey, row: Option<&Row>, agent: Option<AgentId>) -> Result<Stored, StoreError> {
    let value = row.map(|row| row.read::<Option<String>>("value")).transpose()?.flatten();
    let set = value
        .and_then(|text| serde_json::from_str(&text).ok())
        .and_then(|value| Setting::parse(key, &value).ok());
    let setting = if key == ConfigKey::DefaultAgent {
        Setting::DefaultAgent(agent)
    } else {
        set.clone().unwrap_or_else(|| Setting::default_of(key))
    };
    // An agent that was made the default itself, or switched off, was not chosen by who stands in the row.
    let same = key != ConfigKey::DefaultAgent || set.unwrap_or(Setting::DefaultAgent(None)) == setting;
    let updated = match row.filter(|_| same) {
        Some(row) => Some((row.read("updated_by")?, row.read("updated_at")?)),
        None => None,
    };
    Ok(Stored { setting, updated })
}
