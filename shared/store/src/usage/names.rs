//! Whose names a report may tell: the title of a chat is for those who take part in it.

use slipway_contract::UserId;

use crate::value::{Value, sql};
use crate::{OrgDb, StoreError};

/// Which of these keys of a report by chat or sandbox belong to chats that the person takes part in.
///
/// # Errors
/// Only those of the connection.
pub async fn named_for(db: &mut OrgDb, user: UserId, keys: Vec<String>) -> Result<Vec<String>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- usage::named_for
             SELECT key FROM unnest($2) AS given (key)
              WHERE EXISTS (SELECT 1 FROM chat_people
                             WHERE org_id = $1 AND user_id = $3 AND participant AND chat_id = coalesce(
                                   (SELECT sandboxes.chat_id FROM sandboxes WHERE org_id = $1 AND sandbox_id = key), key))",
            &[sql(org), Value::Texts(keys), sql(user)],
        )
        .await?;
    rows.iter().map(|row| row.read("key")).collect()
}
