-- Attachments: files that people put into a chat's messages. Their bytes lie in R2 below the chat.
--
-- A row comes before its object and goes after it, so that no object is ever without one: `uploading` while R2 takes parts,
-- `complete` once R2 has all of it, `removed` until R2 has nothing of it any more. Who dies in between leaves a row that a
-- sweep finds, as it finds what nobody posted.
-- This file is never edited once it was merged; the next change is the next file.

-- `upload` is R2's name for the upload; absent until R2 was asked. `post` is what its sender calls the message that it goes
-- into, so that it goes into no other; `message_seq` is that message, once its chat has it.
CREATE TABLE attachments (
    attachment_id text PRIMARY KEY CHECK (attachment_id LIKE 'att\_%'),
    org_id        text NOT NULL,
    chat_id       text NOT NULL,
    uploaded_by   text NOT NULL CHECK (uploaded_by LIKE 'user\_%'),
    client_id     text NOT NULL CHECK (octet_length(client_id) BETWEEN 1 AND 64),
    name          text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 255),
    bytes         bigint NOT NULL CHECK (bytes >= 1),
    state         text NOT NULL CHECK (state IN ('uploading', 'complete', 'removed')),
    upload        text,
    media_type    text NOT NULL CHECK (octet_length(media_type) BETWEEN 1 AND 100),
    width         bigint CHECK (width >= 1),
    height        bigint CHECK (height >= 1),
    post          text CHECK (octet_length(post) BETWEEN 1 AND 64),
    message_seq   bigint CHECK (message_seq >= 1),
    created_at    timestamptz NOT NULL,
    UNIQUE (org_id, attachment_id),
    FOREIGN KEY (org_id, chat_id) REFERENCES chats (org_id, chat_id),
    CHECK ((width IS NULL) = (height IS NULL)),
    CHECK (state <> 'uploading' OR (post IS NULL AND message_seq IS NULL))
);
CREATE UNIQUE INDEX attachments_begun ON attachments (chat_id, uploaded_by, client_id) WHERE state <> 'removed';
CREATE INDEX attachments_room ON attachments (org_id) INCLUDE (bytes) WHERE state <> 'removed';
CREATE INDEX attachments_of_message ON attachments (org_id, chat_id, message_seq) WHERE message_seq IS NOT NULL;
CREATE INDEX attachments_loose ON attachments (attachment_id) WHERE message_seq IS NULL OR state = 'removed';

-- Parts that R2 has of what is uploading, with its own marks, by which they are put together.
CREATE TABLE attachment_parts (
    attachment_id text NOT NULL,
    org_id        text NOT NULL,
    part          bigint NOT NULL CHECK (part BETWEEN 1 AND 10000),
    etag          text NOT NULL CHECK (octet_length(etag) BETWEEN 1 AND 1024),
    PRIMARY KEY (attachment_id, part),
    FOREIGN KEY (org_id, attachment_id) REFERENCES attachments (org_id, attachment_id)
);

-- What of an org's attachments differs from what every org may keep. The org's row is also what uploads that begin at once
-- are let in by, one after the other.
ALTER TABLE quotas ADD COLUMN attachment_bytes bigint CHECK (attachment_bytes >= 0);

ALTER TABLE attachments      ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE attachment_parts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY org ON attachments      USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON attachment_parts USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY sweeps ON attachments FOR SELECT USING (current_setting('app.system_job', true) = 'sweeps');
-- Where an attachment of one's own orgs belongs.
CREATE POLICY memberships ON attachments FOR SELECT
    USING (current_setting('app.system_job', true) = 'memberships' AND EXISTS (
        SELECT 1 FROM members
         WHERE members.org_id = attachments.org_id AND members.user_id = current_setting('app.user_id', true)
           AND members.ended_at IS NULL));

GRANT SELECT, INSERT, DELETE, UPDATE (state, upload, media_type, width, height, post, message_seq)
      ON attachments TO slipway_app;
GRANT SELECT, INSERT, DELETE, UPDATE (etag) ON attachment_parts TO slipway_app;
