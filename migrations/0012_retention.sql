-- More of what an org need not keep for ever: attachments, its audit log, and what agents did in turns.
--
-- The audit log stays append-only but for one thing: what is older than its org keeps it goes, and the log says so. A
-- restrictive policy holds every DELETE to the job that takes away what an org no longer wants, and whatever that asks for,
-- to what is older than any org may say.
-- This file is never edited once it was merged; the next change is the next file.

-- `audit_gone` entries went that the audit log does not tell of yet; `audit_told` is when it last did.
ALTER TABLE retention
    ADD COLUMN attachment_days bigint CHECK (attachment_days BETWEEN 1 AND 3650),
    ADD COLUMN audit_days      bigint CHECK (audit_days BETWEEN 90 AND 3650),
    ADD COLUMN turn_days       bigint CHECK (turn_days BETWEEN 1 AND 3650),
    ADD COLUMN audit_gone      bigint NOT NULL DEFAULT 0 CHECK (audit_gone >= 0),
    ADD COLUMN audit_told      timestamptz;

CREATE INDEX attachments_age ON attachments (org_id, created_at, attachment_id)
    WHERE state = 'complete' AND message_seq IS NOT NULL;

-- Turns that ended up to the event `turns_seen` of a chat are done with; `turns_asked` is when the chat was last asked to
-- forget more of them, absent when it has to be asked again at once.
ALTER TABLE chats
    ADD COLUMN turns_seen  bigint NOT NULL DEFAULT 0 CHECK (turns_seen >= 0),
    ADD COLUMN turns_asked timestamptz;
CREATE INDEX chats_turns ON chats (org_id, turns_asked NULLS FIRST, chat_id) WHERE NOT archived;

CREATE POLICY org_delete ON audit FOR DELETE USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY removal ON audit AS RESTRICTIVE FOR DELETE
    USING (current_setting('app.system_job', true) = 'removal' AND at < now() - interval '90 days');

GRANT DELETE ON audit TO slipway_app;
GRANT UPDATE (attachment_days, audit_days, turn_days, audit_gone, audit_told) ON retention TO slipway_app;
GRANT UPDATE (turns_seen, turns_asked) ON chats TO slipway_app;
