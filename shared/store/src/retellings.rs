//! Chats whose objects are to tell the index once more all that they told it. Archived ones are left as they are: their
//! objects have nothing to tell.

use slipway_contract::{ChatId, OrgId};

use crate::page::{Page, Slice};
use crate::value::sql;
use crate::{OrgDb, StoreError, SweepsDb};

/// The chats that somebody wants to be told of anew.
///
/// # Errors
/// Only those of the connection.
pub async fn wanted(db: &mut SweepsDb, page: &Page<ChatId>) -> Result<Slice<(OrgId, ChatId)>, StoreError> {
    let rows = db
        .fetch_all(
            "-- retellings::wanted
             SELECT org_id, chat_id FROM chats
              WHERE retell AND NOT archived AND ($1::text IS NULL OR chat_id > $1) ORDER BY chat_id LIMIT $2",
            &[sql(page.after), sql(page.fetch())],
        )
        .await?;
    let chats = rows.iter().map(|row| Ok((row.read("org_id")?, row.read("chat_id")?)));
    Ok(page.cut(chats.collect::<Result<_, StoreError>>()?))
}

/// The chat's object has heard of it, and does it whatever happens.
///
/// # Errors
/// Only those of the connection.
pub async fn heard(db: &mut OrgDb, chat: ChatId) -> Result<(), StoreError> {
    let org = db.org();
    db.execute(
        "-- retellings::heard
         UPDATE chats SET retell = false WHERE org_id = $1 AND chat_id = $2",
        &[sql(org), sql(chat)],
    )
    .await?;
    Ok(())
}
