//! Artifacts: which files were captured from which sandbox. Their bytes lie in R2, under the artifact's id.

use slipway_contract::http::artifacts::Artifact;
use slipway_contract::{ArtifactId, ChatId, SandboxId, Timestamp, UserId};

use crate::page::{Page, Slice};
use crate::row::Row;
use crate::value::sql;
use crate::{OrgDb, RemovalDb, StoreError};

/// Records an artifact whose bytes are kept. `key` names what captured it: the same key of the same sandbox again gives
/// the artifact that there is.
///
/// # Errors
/// [`StoreError::NotFound`] when the org has no such sandbox or chat.
pub async fn save(db: &mut OrgDb, artifact: &Artifact, key: &str) -> Result<Artifact, StoreError> {
    const NAME: &str = "artifacts::save";
    let org = db.org();
    db.execute_optional(
        "-- artifacts::save
         INSERT INTO artifacts (artifact_id, org_id, chat_id, sandbox_id, key, path, name, bytes, sha256, captured_by,
                                created_at)
         VALUES ($2, $1, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (sandbox_id, key) DO NOTHING",
        &[
            sql(org),
            sql(artifact.id),
            sql(artifact.chat),
            sql(artifact.sandbox),
            sql(key),
            sql(&artifact.path),
            sql(&artifact.name),
            sql(artifact.bytes),
            sql(&artifact.sha256),
            sql(artifact.by),
            sql(artifact.created_at),
        ],
    )
    .await?;
    find_by_key(db, artifact.sandbox, key).await?.ok_or(StoreError::NotFound { statement: NAME })
}

/// The artifact that `key` captured from a sandbox, if it has.
///
/// # Errors
/// Only those of the connection.
pub async fn find_by_key(
    db: &mut OrgDb,
    sandbox: SandboxId,
    key: &str,
) -> Result<Option<Artifact>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- artifacts::find_by_key
         SELECT artifact_id, chat_id, sandbox_id, path, name, bytes, sha256, captured_by, created_at FROM artifacts
          WHERE org_id = $1 AND sandbox_id = $2 AND key = $3",
        &[sql(org), sql(sandbox), sql(key)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// One artifact, whoever takes part in its chat.
///
/// # Errors
/// Only those of the connection.
pub async fn find(db: &mut OrgDb, artifact: ArtifactId) -> Result<Option<Artifact>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- artifacts::find
         SELECT artifact_id, chat_id, sandbox_id, path, name, bytes, sha256, captured_by, created_at FROM artifacts
          WHERE org_id = $1 AND artifact_id = $2",
        &[sql(org), sql(artifact)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// The artifacts of chats in which the user takes part, or of one of these chats, the newest first.
///
/// # Errors
/// Only those of the connection.
pub async fn list(
    db: &mut OrgDb,
    user: UserId,
    chat: Option<ChatId>,
    page: &Page<ArtifactId>,
) -> Result<Slice<Artifact>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- artifacts::list
             SELECT artifact_id, chat_id, sandbox_id, path, name, bytes, sha256, captured_by, created_at FROM artifacts
              WHERE org_id = $1 AND ($3::text IS NULL OR chat_id = $3)
                AND EXISTS (SELECT 1 FROM chat_people
                             WHERE chat_people.org_id = $1 AND chat_people.chat_id = artifacts.chat_id
                               AND chat_people.user_id = $2 AND participant)
                AND ($4::text IS NULL OR artifact_id < $4)
              ORDER BY artifact_id DESC LIMIT $5",
            &[sql(org), sql(user), sql(chat), sql(page.after), sql(page.fetch())],
        )
        .await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

/// Artifacts that were captured before `before`, the oldest first.
///
/// # Errors
/// Only those of the connection.
pub async fn older(db: &mut RemovalDb, before: Timestamp, most: u64) -> Result<Vec<Artifact>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- artifacts::older
             SELECT artifact_id, chat_id, sandbox_id, path, name, bytes, sha256, captured_by, created_at FROM artifacts
              WHERE org_id = $1 AND created_at < $2 ORDER BY created_at, artifact_id LIMIT $3",
            &[sql(org), sql(before), sql(most)],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// Artifacts of a chat that is deleted.
///
/// # Errors
/// Only those of the connection.
pub async fn of_chat(db: &mut RemovalDb, chat: ChatId, most: u64) -> Result<Vec<Artifact>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- artifacts::of_chat
             SELECT artifact_id, chat_id, sandbox_id, path, name, bytes, sha256, captured_by, created_at FROM artifacts
              WHERE org_id = $1 AND chat_id = $2 ORDER BY artifact_id LIMIT $3",
            &[sql(org), sql(chat), sql(most)],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// Forgets an artifact that R2 has no longer. Where it was too old, and not of a chat that goes, the audit log says so.
///
/// # Errors
/// Only those of the connection.
pub async fn forget(db: &mut RemovalDb, artifact: ArtifactId, expired: bool) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute(
        "-- artifacts::forget (audit)
         INSERT INTO audit (org_id, key, actor, action, subject, detail)
         SELECT $1, $2 || ':expired', 'system', 'artifact.expired', $2, '' WHERE $3
         ON CONFLICT (org_id, key) DO NOTHING",
        &[sql(org), sql(artifact), sql(expired)],
    )
    .await?;
    db.execute_optional(
        "-- artifacts::forget
         DELETE FROM artifacts WHERE org_id = $1 AND artifact_id = $2",
        &[sql(org), sql(artifact)],
    )
    .await
}

fn read(row: &Row) -> Result<Artifact, StoreError> {
    Ok(Artifact {
        id: row.read("artifact_id")?,
        chat: row.read("chat_id")?,
        sandbox: row.read("sandbox_id")?,
        path: row.read("path")?,
        name: row.read("name")?,
        bytes: row.read("bytes")?,
        sha256: row.read("sha256")?,
        by: row.read("captured_by")?,
        created_at: row.read("created_at")?,
    })
}
