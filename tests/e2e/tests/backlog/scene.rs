//! The index as Postgres holds it, against what the chats' logs say it must be; and how much it was told at a time.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Person, within};
use serde_json::Value;
use slipway_contract::events::{Event, EventBody};
use slipway_contract::http::page::Page;
use slipway_contract::http::search::Found;
use slipway_contract::{ChatId, MessageId, OrgId, Seq};
use tokio_postgres::{Client, NoTls};
use xtask::testbed::Testbed;

/// Messages that the index is told at a time, and bytes of their texts: what `ChatProjection` promises.
pub(crate) const TOLD: u64 = 500;
pub(crate) const TOLD_BYTES: usize = 512 * 1024;
/// An object that failed to tell the index may wait a minute before it tries again, and the machine may be busy.
pub(crate) const CAUGHT_UP: Duration = Duration::from_secs(240);

/// Straight to the database, past policies and pooler.
pub(crate) async fn connect(bed: &Testbed) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(bed.database.admin_url.as_str(), NoTls).await?;
    // Ends with the client; a failure shows itself in the client's calls.
    tokio::spawn(connection);
    Ok(client)
}

/// A message's row.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Indexed {
    pub(crate) seq: Seq,
    /// What made it as it is.
    pub(crate) version: Seq,
    /// Absent once it was deleted.
    pub(crate) text: Option<String>,
}

/// The rows that a chat's log asks for, in its order.
pub(crate) fn wanted(log: &[Event]) -> Vec<Indexed> {
    let mut rows: BTreeMap<Seq, Indexed> = BTreeMap::new();
    let mut change = |message: MessageId, version: Seq, text: Option<String>| {
        if let Some(row) = rows.get_mut(&message.seq()) {
            (row.version, row.text) = (version, text);
        } else {
            rows.insert(message.seq(), Indexed { seq: message.seq(), version, text });
        }
    };
    for event in log {
        if let EventBody::MessagePosted(posted) = &event.body {
            change(posted.message, event.seq, Some(posted.text.clone()));
        } else if let EventBody::MessageEdited { message, text } = &event.body {
            change(*message, event.seq, Some(text.clone()));
        } else if let EventBody::MessageDeleted { message } = &event.body {
            change(*message, event.seq, None);
        }
    }
    rows.into_values().collect()
}

/// The index of messages. A connection ends with the server that it leads to.
pub(crate) struct Index(Client);

impl Index {
    pub(crate) async fn open(bed: &Testbed) -> Result<Self> {
        connect(bed).await.map(Self)
    }

    /// How many messages of all chats it knows.
    pub(crate) async fn count(&self) -> Result<usize> {
        let row = self.0.query_one("SELECT count(*) FROM messages", &[]).await?;
        Ok(usize::try_from(row.try_get::<_, i64>(0)?)?)
    }

    /// Waits until it knows a chat as its log says; then holds each row against it.
    pub(crate) async fn follows(&self, chat: ChatId, log: &[Event], limit: Duration) -> Result<()> {
        let wanted = wanted(log);
        let changes: u64 = wanted.iter().map(|row| row.version.0).sum();
        let whole = (i64::try_from(wanted.len())?, i64::try_from(changes)?);
        let query = "SELECT count(*), coalesce(sum(version), 0)::bigint FROM messages WHERE chat_id = $1";
        let mut last = (0, 0);
        within(limit, "the index to know a chat whole", async || {
            let row = self.0.query_one(query, &[&chat.to_string()]).await?;
            last = (row.try_get(0)?, row.try_get(1)?);
            Ok((last == whole).then_some(()))
        })
        .await
        .with_context(|| format!("{last:?} (rows, their versions together) instead of {whole:?}"))?;
        let rows = self.rows(chat).await?;
        ensure!(rows.len() == wanted.len(), "{} rows instead of {}", rows.len(), wanted.len());
        for (row, wanted) in rows.iter().zip(&wanted) {
            ensure!(
                row == wanted,
                "message {} at {}, there: {}; instead of message {} at {}, there: {}",
                row.seq,
                row.version,
                row.text.is_some(),
                wanted.seq,
                wanted.version,
                wanted.text.is_some(),
            );
        }
        Ok(())
    }

    async fn rows(&self, chat: ChatId) -> Result<Vec<Indexed>> {
        let query =
            "SELECT seq, version, text, words = ''::tsvector FROM messages WHERE chat_id = $1 ORDER BY seq";
        let rows = self.0.query(query, &[&chat.to_string()]).await?;
        rows.iter()
            .map(|row| {
                let seq = Seq(u64::try_from(row.try_get::<_, i64>(0)?)?);
                let version = Seq(u64::try_from(row.try_get::<_, i64>(1)?)?);
                let text: Option<String> = row.try_get(2)?;
                let wordless: bool = row.try_get(3)?;
                // Every text of these tests has words.
                ensure!(text.is_none() == wordless, "message {seq}: its words are not those of its text");
                Ok(Indexed { seq, version, text })
            })
            .collect()
    }
}

/// All that the org's search finds, page by page.
pub(crate) async fn found(person: &Person, org: OrgId, typed: &str) -> Result<Vec<MessageId>> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = person.try_search_org(org, typed, &format!("&limit=50{cursor}")).await?;
        let page: Page<Found> = answer.read()?;
        found.extend(page.items.into_iter().map(|found| found.message));
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(found),
        }
    }
}

/// How many messages each telling of a chat brought, by the Workers' log; those that brought nothing new are not in it.
pub(crate) fn tellings(bed: &Testbed, chat: ChatId) -> Result<Vec<u64>> {
    let text = fs::read_to_string(bed.folder().join("logs/workers.jsonl"))?;
    let chat = chat.to_string();
    let has = |line: &Value, name: &str, value: &str| line.get(name).and_then(Value::as_str) == Some(value);
    // The last line may be half written.
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let told = lines.filter(|line| has(line, "event", "search_told") && has(line, "chat", &chat));
    told.map(|line| line.get("messages").and_then(Value::as_u64).context("a telling without a number"))
        .collect()
}

/// Waits until the log has tellings of at least so many messages; none of them brought more than `most`.
pub(crate) async fn told_by_portions(bed: &Testbed, chat: ChatId, messages: u64, most: u64) -> Result<()> {
    let told = within(CAUGHT_UP, "the tellings in the log", async || {
        let told = tellings(bed, chat)?;
        Ok((told.iter().sum::<u64>() >= messages).then_some(told))
    })
    .await?;
    ensure!(told.iter().all(|count| *count <= most), "more than {most} at a time: {told:?}");
    // Thus it takes at least so many.
    ensure!(told.len() as u64 >= messages.div_ceil(most), "{} tellings", told.len());
    Ok(())
}
