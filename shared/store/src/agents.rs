//! The org's agents.

use slipway_contract::http::agents::{Agent, CreateAgent, UpdateAgent};
use slipway_contract::{AgentId, AgentSlug, Timestamp, UserId};
use slipway_domain::orgs::AGENTS;

use crate::page::{Page, Slice};
use crate::row::Row;
use crate::value::{Value, sql};
use crate::{Conflict, OrgDb, StoreError};

/// Makes an agent. As default, it takes that place from the one before.
///
/// # Errors
/// [`Conflict::NameTaken`]; [`Conflict::Full`] when the org has [`AGENTS`].
pub async fn create(
    db: &mut OrgDb,
    id: AgentId,
    new: &CreateAgent,
    by: UserId,
    now: Timestamp,
) -> Result<Agent, StoreError> {
    let org = db.org();
    if new.is_default {
        unset_default(db, id).await?;
    }
    let row = db
        .fetch_optional(
            "-- agents::create
             INSERT INTO agents
                    (agent_id, org_id, slug, name, instructions, model, enabled, is_default, created_at, created_by)
             SELECT $2, $1, $3, $4, $5, $6, true, $7, $8, $9
              WHERE (SELECT count(*) FROM agents WHERE org_id = $1) < $10
             RETURNING agent_id, slug, name, instructions, model, enabled, is_default, created_at",
            &[
                sql(org),
                sql(id),
                sql(&new.slug),
                sql(&new.name),
                sql(&new.instructions),
                sql(&new.model),
                sql(new.is_default),
                sql(now),
                sql(by),
                sql(AGENTS),
            ],
        )
        .await?;
    row.ok_or(StoreError::Conflict(Conflict::Full)).and_then(|row| read(&row))
}

/// The agents, by slug.
///
/// # Errors
/// Only those of the connection.
pub async fn list(db: &mut OrgDb, page: &Page<AgentSlug>) -> Result<Slice<Agent>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- agents::list
             SELECT agent_id, slug, name, instructions, model, enabled, is_default, created_at FROM agents
              WHERE org_id = $1 AND ($2::text IS NULL OR slug > $2) ORDER BY slug LIMIT $3",
            &[sql(org), page.after.as_ref().map_or(Value::Text(None), sql), sql(page.fetch())],
        )
        .await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

/// One agent, for the engine and for chats; `None` when the org has no such agent.
///
/// # Errors
/// Only those of the connection.
pub async fn find(db: &mut OrgDb, agent: AgentId) -> Result<Option<Agent>, StoreError> {
    Ok(find_many(db, &[agent]).await?.pop())
}

/// The agents with these ids that the org has, in no order.
///
/// # Errors
/// Only those of the connection.
pub async fn find_many(db: &mut OrgDb, agents: &[AgentId]) -> Result<Vec<Agent>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- agents::find_many
             SELECT agent_id, slug, name, instructions, model, enabled, is_default, created_at FROM agents
              WHERE org_id = $1 AND agent_id = ANY ($2)",
            &[sql(org), Value::Texts(agents.iter().map(ToString::to_string).collect())],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// Whether the org has all of these agents, each of which is named once.
///
/// # Errors
/// Only those of the connection.
pub async fn has_all(db: &mut OrgDb, agents: &[AgentId]) -> Result<bool, StoreError> {
    let org = db.org();
    let row = db
        .fetch_one(
            "-- agents::has_all
             SELECT count(*) = cardinality($2) AS all_known FROM agents WHERE org_id = $1 AND agent_id = ANY ($2)",
            &[sql(org), Value::Texts(agents.iter().map(ToString::to_string).collect())],
        )
        .await?;
    row.read("all_known")
}

/// The agent that new chats have, if it answers.
///
/// # Errors
/// Only those of the connection.
pub async fn default(db: &mut OrgDb) -> Result<Option<Agent>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- agents::default
         SELECT agent_id, slug, name, instructions, model, enabled, is_default, created_at FROM agents
          WHERE org_id = $1 AND is_default AND enabled",
        &[sql(org)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// Changes an agent. What is absent stays.
///
/// # Errors
/// [`StoreError::NotFound`]; [`StoreError::Overtaken`] when another agent became the default at the same moment.
pub async fn update(db: &mut OrgDb, agent: AgentId, change: &UpdateAgent) -> Result<Agent, StoreError> {
    let org = db.org();
    if change.is_default == Some(true) {
        unset_default(db, agent).await?;
    }
    let row = db
        .fetch_one(
            "-- agents::update
             UPDATE agents SET name = coalesce($3, name), instructions = coalesce($4, instructions),
                    model = coalesce($5, model), enabled = coalesce($6, enabled),
                    is_default = coalesce($7, is_default)
              WHERE org_id = $1 AND agent_id = $2
             RETURNING agent_id, slug, name, instructions, model, enabled, is_default, created_at",
            &[
                sql(org),
                sql(agent),
                sql(change.name.as_ref()),
                sql(change.instructions.as_ref()),
                sql(change.model.as_ref()),
                sql(change.enabled),
                sql(change.is_default),
            ],
        )
        .await?;
    read(&row)
}

async fn unset_default(db: &mut OrgDb, but: AgentId) -> Result<(), StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- agents::unset_default
         UPDATE agents SET is_default = false WHERE org_id = $1 AND is_default AND agent_id <> $2",
        &[sql(org), sql(but)],
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Result<Agent, StoreError> {
    Ok(Agent {
        id: row.read("agent_id")?,
        slug: row.read("slug")?,
        name: row.read("name")?,
        instructions: row.read("instructions")?,
        model: row.read("model")?,
        enabled: row.read("enabled")?,
        is_default: row.read("is_default")?,
        created_at: row.read("created_at")?,
    })
}
