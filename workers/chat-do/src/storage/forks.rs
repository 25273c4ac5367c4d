//! Forks in the object's tables: how each stands, and what the log says about them.

use slipway_contract::http::forks::{AcceptFork, Fork, ForkState, ForksQuery};
use slipway_contract::{Actor, ForkId, MessageId, Problem, ProblemCode, Seq, limits};
use slipway_domain::chat::Facts;
use worker::Result;

use super::{Storage, actor_key};
use crate::sql::{Value, int};

impl Storage {
    /// Forks that are open.
    pub(super) fn open_forks(&self) -> Result<Vec<Fork>> {
        self.sql.rows("SELECT fork FROM forks WHERE state = 'open' ORDER BY seq", vec![])
    }

    /// The newest forks that were resolved.
    pub(crate) fn resolved_forks(&self, count: u64) -> Result<Vec<Fork>> {
        self.sql.rows(
            "SELECT fork FROM forks WHERE state = 'resolved' ORDER BY seq DESC LIMIT ?",
            vec![int(count)],
        )
    }

    /// A fork, open or not.
    pub(crate) fn fork(&self, fork: ForkId) -> Result<Option<Fork>> {
        self.sql.row("SELECT fork FROM forks WHERE seq = ?", vec![int(fork.seq().0)])
    }

    /// A fork begins; how it stands follows.
    pub(super) fn begin_fork(&self, fork: ForkId, actor: Actor, client_id: Option<&str>) -> Result<()> {
        self.sql.run(
            "INSERT INTO forks (seq, state, actor, client_id, fork) VALUES (?, 'open', ?, ?, '')",
            vec![int(fork.seq().0), actor_key(actor).into(), client_id.into()],
        )
    }

    /// Keeps a fork as it stands.
    pub(crate) fn keep_fork(&self, fork: &Fork) -> Result<()> {
        self.sql.run(
            "UPDATE forks SET state = ?, fork = ? WHERE seq = ?",
            vec![name(fork.state).into(), Value::String(serde_json::to_string(fork)?), int(fork.id.seq().0)],
        )
    }

    /// A page of forks as JSON, the newest first.
    pub(crate) fn forks(&self, query: &ForksQuery) -> core::result::Result<Result<String>, Problem> {
        let wrong = |detail: &str| Problem::new(ProblemCode::InvalidParameter).detail(detail);
        let limit = query.limit.unwrap_or(limits::PAGE_DEFAULT);
        if !(1..=limits::PAGE_MAX).contains(&limit) {
            return Err(wrong("limit must be 1 to 200"));
        }
        let before = match &query.cursor {
            Some(cursor) => cursor.parse().map_err(|_| wrong("the cursor is none that was given out"))?,
            None => u64::MAX,
        };
        Ok(self.forks_before(before, query.state, u64::from(limit)))
    }

    fn forks_before(&self, before: u64, state: Option<ForkState>, limit: u64) -> Result<String> {
        // One more than wanted tells whether another page follows.
        let rows = self.sql.texts(
            "SELECT seq || ' ' || fork FROM forks WHERE seq < ?1 AND (?2 IS NULL OR state = ?2)
              ORDER BY seq DESC LIMIT ?3",
            vec![int(before), state.map(name).into(), int(limit + 1)],
        )?;
        let mut page = "{\"items\":[".to_owned();
        let mut next = None;
        for (count, row) in (0..).zip(&rows) {
            let Some((seq, fork)) = row.split_once(' ') else { continue };
            if count == limit {
                page.push_str("],\"next_cursor\":\"");
                page.push_str(next.unwrap_or_default());
                page.push_str("\"}");
                return Ok(page);
            }
            if next.is_some() {
                page.push(',');
            }
            page.push_str(fork);
            next = Some(seq);
        }
        page.push_str("]}");
        Ok(page)
    }

    /// What an earlier request of the same sender under the same name began.
    pub(super) fn begun_before(&self, actor: Actor, client_id: &str) -> Result<Option<Fork>> {
        self.sql.row(
            "SELECT fork FROM forks WHERE actor = ? AND client_id = ?",
            vec![actor_key(actor).into(), client_id.into()],
        )
    }

    /// The newest message of a fork.
    pub(super) fn newest_in(&self, fork: ForkId) -> Result<Option<MessageId>> {
        let newest = self.sql.text(
            "SELECT event ->> '$.message' FROM events
              WHERE fork = ? AND kind = 'message.posted' AND deleted = 0 ORDER BY seq DESC LIMIT 1",
            vec![int(fork.seq().0)],
        )?;
        Ok(newest.and_then(|id| id.parse().ok()))
    }

    /// What the log says about a summary: of the messages that it rests on, those that stand in the fork and were not
    /// deleted; and the summary that ended the fork, if one did.
    pub(super) fn accepted_facts(
        &self,
        facts: &mut Facts,
        fork: ForkId,
        accepted: &AcceptFork,
    ) -> Result<()> {
        let named: Vec<Seq> =
            accepted.evidence.iter().chain(&accepted.draft).map(|message| message.seq()).collect();
        let found = self.sql.texts(
            "SELECT event ->> '$.message' FROM json_each(?) CROSS JOIN events ON seq = value
              WHERE +fork = ? AND kind = 'message.posted' AND deleted = 0",
            vec![Value::String(serde_json::to_string(&named)?), int(fork.seq().0)],
        )?;
        facts.within = found.iter().filter_map(|id| id.parse().ok()).collect();
        facts.fork = self.fork(fork)?;
        if let Some(resolution) = facts.fork.as_ref().and_then(|fork| fork.resolution.as_ref()) {
            facts.summary = self.sql.text(
                "SELECT event ->> '$.text' FROM events WHERE seq = ?",
                vec![int(resolution.message.seq().0)],
            )?;
        }
        Ok(())
    }
}

const fn name(state: ForkState) -> &'static str {
    match state {
        ForkState::Open => "open",
        ForkState::Resolved => "resolved",
        ForkState::Abandoned => "abandoned",
    }
}
