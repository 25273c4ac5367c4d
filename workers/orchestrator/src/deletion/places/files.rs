//! Objects of R2 below a folder, whatever they are.

use slipway_contract::http::deletions::{DeletedCount, DeletedKind};
use slipway_contract::{ChatId, OrgId, Problem, ProblemCode};
use slipway_edge::log::Line;
use worker::{Bucket, Objects};

use super::Cleared;
use crate::artifacts::BUCKET;
use crate::errand::Errand;
use crate::outgoing;

/// Objects that are listed, and removed, together: as many as R2 removes at once.
const AT_ONCE: u32 = 1_000;
/// How long R2 may take, in milliseconds.
const PATIENCE_MS: u64 = 20_000;

/// The folder of a chat.
pub(in crate::deletion) fn of_chat(org: OrgId, chat: ChatId) -> String {
    format!("orgs/{org}/chats/{chat}/")
}

/// The folder of an org.
pub(in crate::deletion) fn of_org(org: OrgId) -> String {
    format!("orgs/{org}/")
}

/// Removes what lies below a folder.
pub(in crate::deletion) async fn clear(errand: &Errand, folder: &str) -> Result<Cleared, Problem> {
    let listed = list(errand, folder).await?;
    let went = counted(&listed);
    let keys: Vec<String> = listed.objects().iter().map(worker::Object::key).collect();
    if !keys.is_empty() {
        remove(errand, keys).await?;
    }
    Ok(if listed.truncated() { Cleared::Some(Some(went)) } else { Cleared::All(Some(went)) })
}

/// What lies below a folder, if something does.
pub(in crate::deletion) async fn left(
    errand: &Errand,
    folder: &str,
) -> Result<Option<DeletedCount>, Problem> {
    Ok(Some(counted(&list(errand, folder).await?)).filter(|left| left.count > 0))
}

/// Removes objects; those that are not there are removed.
pub(in crate::deletion) async fn remove(errand: &Errand, keys: Vec<String>) -> Result<(), Problem> {
    let bucket = bucket(errand)?;
    reached(errand, outgoing::within(PATIENCE_MS, bucket.delete_multiple(keys)).await)
}

async fn list(errand: &Errand, folder: &str) -> Result<Objects, Problem> {
    let bucket = bucket(errand)?;
    let listing = bucket.list().prefix(folder).limit(AT_ONCE).execute();
    reached(errand, outgoing::within(PATIENCE_MS, listing).await)
}

fn counted(listed: &Objects) -> DeletedCount {
    let objects = listed.objects();
    let bytes = objects.iter().map(worker::Object::size).sum();
    DeletedCount { kind: DeletedKind::Files, count: objects.len() as u64, bytes }
}

fn bucket(errand: &Errand) -> Result<Bucket, Problem> {
    reached(errand, Some(errand.env.bucket(BUCKET)))
}

fn reached<T>(errand: &Errand, answer: Option<worker::Result<T>>) -> Result<T, Problem> {
    let error = match answer {
        Some(Ok(value)) => return Ok(value),
        Some(Err(error)) => error,
        None => worker::Error::RustError("no answer in time".to_owned()),
    };
    Line::warn("bucket_unreachable").request(errand.request).fault(&error).emit();
    Err(Problem::new(ProblemCode::Unavailable).retry_after(2))
}
