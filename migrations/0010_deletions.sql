-- Deletions, and how long an org keeps what it has.
--
-- As before: row-level security is forced on every table and closed by default. New system jobs:
--   removal      takes away what an org no longer wants; beside it the transaction says which org: app.current_org_id
--   erasure      takes away one person's account: that person is app.user_id
-- What is `doomed` is seen by these two alone: it is in no list, nobody finds it by its id, and nothing is added to it. So
-- whoever looks for chats or channels need not think of it.
-- Rows go only by these jobs: a restrictive policy holds every DELETE to them, whatever else a transaction may see.
-- What stays when something is deleted is the audit log and the usage ledger: they name what they are about by its id alone,
-- and so do rows that name people whose accounts may be deleted.
-- This file is never edited once it was merged; the next change is the next file.

ALTER TABLE audit           DROP CONSTRAINT audit_org_id_fkey;
ALTER TABLE usage_entries   DROP CONSTRAINT usage_entries_org_id_sandbox_id_fkey;
ALTER TABLE orgs            DROP CONSTRAINT orgs_created_by_fkey;
ALTER TABLE members         DROP CONSTRAINT members_user_id_fkey;
ALTER TABLE invitations     DROP CONSTRAINT invitations_invited_by_fkey,
                            DROP CONSTRAINT invitations_accepted_by_fkey,
                            DROP CONSTRAINT invitations_revoked_by_fkey;
ALTER TABLE channels        DROP CONSTRAINT channels_created_by_fkey;
ALTER TABLE channel_members DROP CONSTRAINT channel_members_added_by_fkey;
ALTER TABLE agents          DROP CONSTRAINT agents_created_by_fkey;
-- What was accepted outlives the chat in which it was proposed.
ALTER TABLE context_items   DROP CONSTRAINT context_items_org_id_proposed_in_fkey,
                            ADD CONSTRAINT context_items_org_id_proposed_in_fkey
                                FOREIGN KEY (org_id, proposed_in) REFERENCES chats (org_id, chat_id)
                                ON DELETE SET NULL (proposed_in);

ALTER TABLE chats    ADD COLUMN doomed boolean NOT NULL DEFAULT false;
ALTER TABLE channels ADD COLUMN doomed boolean NOT NULL DEFAULT false;
CREATE INDEX chats_retention ON chats (org_id, active_at, chat_id) WHERE NOT doomed;

-- One row is one deletion, with what `slipway_domain::deletion` decides on; it outlives what it deleted. `subject` is the
-- id of what is deleted: each is deleted once. A person's account belongs to no org. `removed` and `leftovers` are text
-- that holds JSON, for the Workers alone.
CREATE TABLE deletions (
    deletion_id text PRIMARY KEY CHECK (deletion_id LIKE 'del\_%'),
    org_id      text,
    kind        text NOT NULL CHECK (kind IN ('chat', 'channel', 'org', 'person')),
    subject     text NOT NULL CONSTRAINT deletions_subject_key UNIQUE,
    parent_id   text REFERENCES deletions,
    asked_by    text NOT NULL CHECK (asked_by LIKE 'user\_%' OR asked_by = 'system'),
    asked_at    timestamptz NOT NULL,
    step        text NOT NULL CHECK (step IN ('asked', 'closed', 'emptied', 'forgotten', 'verified', 'done')),
    tries       bigint NOT NULL CHECK (tries >= 0),
    version     bigint NOT NULL CHECK (version >= 1),
    due_at      timestamptz NOT NULL,
    cursor      text,
    removed     text NOT NULL,
    leftovers   text NOT NULL,
    ended_at    timestamptz,
    lease_owner text,
    lease_until timestamptz,
    CHECK ((org_id IS NULL) = (kind = 'person')),
    CHECK ((ended_at IS NOT NULL) = (step = 'done'))
);
CREATE INDEX deletions_due ON deletions (due_at, deletion_id) WHERE step <> 'done';
CREATE INDEX deletions_of_parent ON deletions (parent_id, step) WHERE parent_id IS NOT NULL;

-- An org without a row keeps everything for ever.
CREATE TABLE retention (
    org_id        text PRIMARY KEY REFERENCES orgs,
    chat_days     bigint CHECK (chat_days BETWEEN 1 AND 3650),
    artifact_days bigint CHECK (artifact_days BETWEEN 1 AND 3650)
);

-- Who sees which rows

ALTER TABLE deletions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE retention ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY org ON deletions USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON retention USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY erasure ON deletions
    USING (current_setting('app.system_job', true) = 'erasure' AND kind = 'person'
           AND subject = current_setting('app.user_id', true));
CREATE POLICY sweeps ON deletions FOR SELECT USING (current_setting('app.system_job', true) = 'sweeps');
CREATE POLICY sweeps ON retention FOR SELECT USING (current_setting('app.system_job', true) = 'sweeps');
-- A report is for who asked, and for the admins of the org while it is there.
CREATE POLICY memberships ON deletions FOR SELECT
    USING (current_setting('app.system_job', true) = 'memberships'
           AND (asked_by = current_setting('app.user_id', true) OR EXISTS (
               SELECT 1 FROM members
                WHERE members.org_id = deletions.org_id AND members.user_id = current_setting('app.user_id', true)
                  AND members.role IN ('admin', 'owner') AND members.ended_at IS NULL)));

CREATE POLICY doomed ON chats AS RESTRICTIVE
    USING (NOT doomed OR current_setting('app.system_job', true) = 'removal');
CREATE POLICY doomed ON channels AS RESTRICTIVE
    USING (NOT doomed OR current_setting('app.system_job', true) = 'removal');

CREATE POLICY erasure_select ON users    FOR SELECT
    USING (current_setting('app.system_job', true) = 'erasure' AND user_id = current_setting('app.user_id', true));
CREATE POLICY erasure_delete ON users    FOR DELETE
    USING (current_setting('app.system_job', true) = 'erasure' AND user_id = current_setting('app.user_id', true));
CREATE POLICY erasure        ON passwords
    USING (current_setting('app.system_job', true) = 'erasure' AND user_id = current_setting('app.user_id', true));
CREATE POLICY erasure        ON sessions
    USING (current_setting('app.system_job', true) = 'erasure' AND user_id = current_setting('app.user_id', true));
CREATE POLICY erasure        ON members  FOR SELECT
    USING (current_setting('app.system_job', true) = 'erasure' AND user_id = current_setting('app.user_id', true));
-- An address is a person's, in whatever org they were invited by it.
CREATE POLICY erasure_select ON invitations FOR SELECT
    USING (current_setting('app.system_job', true) = 'erasure' AND email = (
        SELECT users.email FROM users WHERE users.user_id = current_setting('app.user_id', true)));
CREATE POLICY erasure_delete ON invitations FOR DELETE
    USING (current_setting('app.system_job', true) = 'erasure' AND email = (
        SELECT users.email FROM users WHERE users.user_id = current_setting('app.user_id', true)));

CREATE POLICY removal ON agents            AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON approval_policies AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON approvals         AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON artifacts         AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON channels          AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON chat_people       AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON chats             AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON members           AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON messages          AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON org_config        AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON orgs              AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON quotas            AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON retention         AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON sandbox_acts      AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON sandbox_places    AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON sandboxes         AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'removal');
CREATE POLICY removal ON users             AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'erasure');
CREATE POLICY removal ON passwords         AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'erasure');
CREATE POLICY removal ON sessions          AS RESTRICTIVE FOR DELETE USING (current_setting('app.system_job', true) = 'erasure');
CREATE POLICY removal ON invitations       AS RESTRICTIVE FOR DELETE
    USING (current_setting('app.system_job', true) IN ('removal', 'erasure'));

-- What the Workers may do at all

GRANT UPDATE (doomed) ON channels TO slipway_app;
GRANT UPDATE (doomed, active_at) ON chats TO slipway_app;
GRANT DELETE ON agents, approval_policies, approvals, artifacts, channels, chat_people, chats, invitations, members, messages,
                org_config, orgs, passwords, quotas, sandbox_acts, sandbox_places, sandboxes, sessions, users TO slipway_app;
GRANT SELECT, INSERT,
      UPDATE (step, tries, version, due_at, cursor, removed, leftovers, ended_at, lease_owner, lease_until)
      ON deletions TO slipway_app;
GRANT SELECT, INSERT, DELETE, UPDATE (chat_days, artifact_days) ON retention TO slipway_app;
