-- Archives: a chat that nobody uses for days leaves its object for R2, and comes back when somebody opens it.
--
-- A row comes before the objects of R2 that it stands for, and goes after them. `exporting`, `verifying`, `wiping` and
-- `archived` are steps of one way; a chat goes one such way at a time, and while it is `archived`, R2 has the only copy.
-- `restored`: the chat's object has everything again, and the copy is kept for a while. `removing`: nobody needs the copy,
-- and R2 loses it. Who dies in between leaves a row that a sweep finds. What may follow what is decided in one place
-- (slipway_domain::archive).
-- This file is never edited once it was merged; the next change is the next file.

CREATE TABLE chat_archives (
    archive_id      text PRIMARY KEY CHECK (archive_id LIKE 'arc\_%'),
    org_id          text NOT NULL,
    chat_id         text NOT NULL,
    state           text NOT NULL
                    CHECK (state IN ('exporting', 'verifying', 'wiping', 'archived', 'restored', 'removing')),
    asked_by        text NOT NULL CHECK (asked_by LIKE 'user\_%' OR asked_by = 'system'),
    begun_at        timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    -- when the chat was whole in its object again
    restored_at     timestamptz,
    -- until then whoever took it up may be at it
    lease_until     timestamptz NOT NULL,
    -- what the export came to: the newest event, the parts, their sizes before and after packing, the manifest's SHA-256
    head            bigint CHECK (head >= 0),
    parts           bigint CHECK (parts >= 1),
    raw_bytes       bigint CHECK (raw_bytes >= 0),
    packed_bytes    bigint CHECK (packed_bytes >= 0),
    manifest_sha256 text CHECK (manifest_sha256 ~ '^[0-9a-f]{64}$'),
    FOREIGN KEY (org_id, chat_id) REFERENCES chats (org_id, chat_id),
    CHECK (manifest_sha256 IS NOT NULL OR state IN ('exporting', 'removing')),
    CHECK (restored_at IS NOT NULL OR state <> 'restored')
);
CREATE UNIQUE INDEX chat_archives_current ON chat_archives (chat_id)
    WHERE state IN ('exporting', 'verifying', 'wiping', 'archived');
CREATE INDEX chat_archives_of_chat ON chat_archives (org_id, chat_id);
CREATE INDEX chat_archives_unsettled ON chat_archives (archive_id) WHERE state <> 'archived';

-- `active_at`: when the index last heard of something new in the chat, or it came back from an archive. After tries that
-- came to nothing the sweep leaves the chat alone until `archive_after`.
ALTER TABLE chats
    ADD COLUMN archived      boolean NOT NULL DEFAULT false,
    ADD COLUMN active_at     timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN archive_tries bigint NOT NULL DEFAULT 0 CHECK (archive_tries >= 0),
    ADD COLUMN archive_after timestamptz;
CREATE INDEX chats_idle ON chats (active_at, chat_id) WHERE NOT archived;

ALTER TABLE chat_archives ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY org ON chat_archives USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY sweeps ON chat_archives FOR SELECT USING (current_setting('app.system_job', true) = 'sweeps');
CREATE POLICY sweeps ON chats         FOR SELECT USING (current_setting('app.system_job', true) = 'sweeps');

GRANT SELECT, INSERT, DELETE,
      UPDATE (state, changed_at, restored_at, lease_until, head, parts, raw_bytes, packed_bytes, manifest_sha256)
   ON chat_archives TO slipway_app;
GRANT UPDATE (archived, active_at, archive_tries, archive_after) ON chats TO slipway_app;
