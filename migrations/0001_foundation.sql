-- Identity, orgs, channels, the index of chats, agents.
--
-- Run by the role that owns the schema. The Workers' role, slipway_app, owns nothing and gets only the grants below.
-- Row-level security is forced on every table and closed by default: a row is seen
--   - by its org, when the transaction says which org it works for: app.current_org_id
--   - by a system job, when the transaction says which one it is: app.system_job
--       identity     sign-up, sign-in, sessions: the tables of that, and no tenant's
--       memberships  one person's own place in all their orgs: that person is app.user_id
-- A setting that is absent or empty matches nothing.
-- Kinds and states are text with a CHECK: the Workers' driver and pooler cannot carry types of our own.
-- This file is never edited once it was merged; the next change is the next file.

-- People

CREATE TABLE users (
    user_id      text PRIMARY KEY CHECK (user_id LIKE 'user\_%'),
    email        text NOT NULL CONSTRAINT users_email_key UNIQUE CHECK (email = lower(email) AND length(email) <= 254),
    display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 120),
    created_at   timestamptz NOT NULL
);

CREATE TABLE passwords (
    user_id text PRIMARY KEY REFERENCES users,
    hash    text NOT NULL CHECK (hash LIKE '$argon2id$%'),
    set_at  timestamptz NOT NULL
);

-- One sign-in on one device. The refresh token names the session and a generation, under a key that is not here:
-- nothing in this table lets anybody in.
CREATE TABLE sessions (
    session_id text PRIMARY KEY CHECK (session_id LIKE 'sess\_%'),
    user_id    text NOT NULL REFERENCES users,
    generation bigint NOT NULL CHECK (generation >= 0),
    created_at timestamptz NOT NULL,
    rotated_at timestamptz NOT NULL,
    ended_at   timestamptz,
    end_reason text CHECK (end_reason IN ('logout', 'logout_all', 'reuse')),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX sessions_open ON sessions (user_id) WHERE ended_at IS NULL;

-- Failed sign-ins in a row, of an address or of a client. Keys are digests: an address may not exist at all.
CREATE TABLE signin_attempts (
    kind     text NOT NULL CHECK (kind IN ('address', 'client')),
    key      text NOT NULL CHECK (length(key) = 64),
    failures bigint NOT NULL CHECK (failures >= 0),
    last_at  timestamptz NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX signin_attempts_age ON signin_attempts (last_at);

-- Orgs

CREATE TABLE orgs (
    org_id     text PRIMARY KEY CHECK (org_id LIKE 'org\_%'),
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    created_at timestamptz NOT NULL,
    created_by text NOT NULL REFERENCES users
);

-- A membership that ended keeps its row: it names who invited whom, and which chats still have to be told.
CREATE TABLE members (
    member_id text PRIMARY KEY CHECK (member_id LIKE 'member\_%'),
    org_id    text NOT NULL REFERENCES orgs,
    user_id   text NOT NULL REFERENCES users,
    role      text NOT NULL CHECK (role IN ('guest', 'member', 'admin', 'owner')),
    joined_at timestamptz NOT NULL,
    ended_at  timestamptz,
    UNIQUE (org_id, user_id),
    UNIQUE (org_id, member_id)
);
CREATE INDEX members_of_user ON members (user_id, member_id) WHERE ended_at IS NULL;

CREATE TABLE invitations (
    invitation_id text PRIMARY KEY CHECK (invitation_id LIKE 'inv\_%'),
    org_id        text NOT NULL REFERENCES orgs,
    email         text NOT NULL CHECK (email = lower(email) AND length(email) <= 254),
    role          text NOT NULL CHECK (role IN ('guest', 'member', 'admin', 'owner')),
    token_hash    text NOT NULL UNIQUE CHECK (length(token_hash) = 64),
    invited_by    text NOT NULL REFERENCES users,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    accepted_at   timestamptz,
    accepted_by   text REFERENCES users,
    revoked_at    timestamptz,
    revoked_by    text REFERENCES users,
    CHECK ((accepted_at IS NULL) = (accepted_by IS NULL)),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)),
    CHECK (accepted_at IS NULL OR revoked_at IS NULL)
);
CREATE INDEX invitations_open ON invitations (org_id, invitation_id)
    WHERE accepted_at IS NULL AND revoked_at IS NULL;

-- Channels

CREATE TABLE channels (
    channel_id text PRIMARY KEY CHECK (channel_id LIKE 'chan\_%'),
    org_id     text NOT NULL REFERENCES orgs,
    name       text NOT NULL CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,78}[a-z0-9])?$'),
    visibility text NOT NULL CHECK (visibility IN ('public', 'private')),
    topic      text NOT NULL CHECK (length(topic) <= 250),
    created_at timestamptz NOT NULL,
    created_by text NOT NULL REFERENCES users,
    UNIQUE (org_id, channel_id),
    CONSTRAINT channels_name_key UNIQUE (org_id, name)
);

CREATE TABLE channel_members (
    org_id     text NOT NULL,
    channel_id text NOT NULL,
    user_id    text NOT NULL,
    added_at   timestamptz NOT NULL,
    added_by   text NOT NULL REFERENCES users,
    PRIMARY KEY (channel_id, user_id),
    FOREIGN KEY (org_id, channel_id) REFERENCES channels (org_id, channel_id),
    FOREIGN KEY (org_id, user_id) REFERENCES members (org_id, user_id)
);
CREATE INDEX channel_members_of_user ON channel_members (org_id, user_id);

-- The index of chats: a projection of each chat's own log, never the truth about it.

CREATE TABLE chats (
    chat_id         text PRIMARY KEY CHECK (chat_id LIKE 'chat\_%'),
    org_id          text NOT NULL,
    channel_id      text NOT NULL,
    title           text NOT NULL,
    created_at      timestamptz NOT NULL,
    head            bigint NOT NULL CHECK (head >= 0),
    last_message_at timestamptz NOT NULL,
    preview         text NOT NULL,
    message_count   bigint NOT NULL CHECK (message_count >= 0),
    UNIQUE (org_id, chat_id),
    FOREIGN KEY (org_id, channel_id) REFERENCES channels (org_id, channel_id)
);
CREATE INDEX chats_newest ON chats (org_id, channel_id, last_message_at DESC, chat_id DESC);

-- A row says that the person took part at some time; `participant` says whether they do now, as of `version`.
CREATE TABLE chat_people (
    org_id      text NOT NULL,
    chat_id     text NOT NULL,
    user_id     text NOT NULL CHECK (user_id LIKE 'user\_%'),
    participant boolean NOT NULL,
    read_count  bigint NOT NULL CHECK (read_count >= 0),
    version     bigint NOT NULL CHECK (version >= 0),
    PRIMARY KEY (chat_id, user_id),
    FOREIGN KEY (org_id, chat_id) REFERENCES chats (org_id, chat_id)
);
CREATE INDEX chat_people_of_user ON chat_people (org_id, user_id, chat_id);

-- Agents

CREATE TABLE agents (
    agent_id     text PRIMARY KEY CHECK (agent_id LIKE 'agent\_%'),
    org_id       text NOT NULL REFERENCES orgs,
    slug         text NOT NULL CHECK (slug ~ '^[a-z][a-z0-9-]{0,30}[a-z0-9]$'),
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    instructions text NOT NULL CHECK (octet_length(instructions) <= 16384),
    model        text NOT NULL CHECK (length(model) BETWEEN 1 AND 200),
    enabled      boolean NOT NULL,
    is_default   boolean NOT NULL,
    created_at   timestamptz NOT NULL,
    created_by   text NOT NULL REFERENCES users,
    CONSTRAINT agents_slug_key UNIQUE (org_id, slug)
);
CREATE UNIQUE INDEX agents_one_default ON agents (org_id) WHERE is_default;

-- Who sees which rows

ALTER TABLE users           ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE passwords       ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE sessions        ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE signin_attempts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE orgs            ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE members         ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE invitations     ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE channels        ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE channel_members ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE chats           ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE chat_people     ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE agents          ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY org ON orgs            USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON members         USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON invitations     USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON channels        USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON channel_members USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON chats           USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON chat_people     USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON agents          USING (org_id = current_setting('app.current_org_id', true));
-- An org sees the names and addresses of those who are or were in it.
CREATE POLICY org ON users FOR SELECT USING (EXISTS (
    SELECT 1 FROM members
     WHERE members.org_id = current_setting('app.current_org_id', true) AND members.user_id = users.user_id));

CREATE POLICY identity_select ON users FOR SELECT
    USING (current_setting('app.system_job', true) = 'identity');
CREATE POLICY identity_insert ON users FOR INSERT
    WITH CHECK (current_setting('app.system_job', true) = 'identity');
CREATE POLICY identity ON passwords       USING (current_setting('app.system_job', true) = 'identity');
CREATE POLICY identity ON sessions        USING (current_setting('app.system_job', true) = 'identity');
CREATE POLICY identity ON signin_attempts USING (current_setting('app.system_job', true) = 'identity');

CREATE POLICY memberships ON users FOR SELECT
    USING (current_setting('app.system_job', true) = 'memberships'
           AND user_id = current_setting('app.user_id', true));
CREATE POLICY memberships ON members FOR SELECT
    USING (current_setting('app.system_job', true) = 'memberships'
           AND user_id = current_setting('app.user_id', true));
CREATE POLICY memberships ON orgs FOR SELECT
    USING (current_setting('app.system_job', true) = 'memberships' AND EXISTS (
        SELECT 1 FROM members
         WHERE members.org_id = orgs.org_id AND members.user_id = current_setting('app.user_id', true)
           AND members.ended_at IS NULL));
CREATE POLICY memberships ON chats FOR SELECT
    USING (current_setting('app.system_job', true) = 'memberships' AND EXISTS (
        SELECT 1 FROM members
         WHERE members.org_id = chats.org_id AND members.user_id = current_setting('app.user_id', true)
           AND members.ended_at IS NULL));

-- What the Workers may do at all

GRANT USAGE ON SCHEMA public TO slipway_app;
GRANT SELECT, INSERT ON users, passwords, orgs, channels TO slipway_app;
GRANT SELECT, INSERT, DELETE ON channel_members TO slipway_app;
GRANT SELECT, INSERT, UPDATE (generation, rotated_at, ended_at, end_reason) ON sessions TO slipway_app;
GRANT SELECT, INSERT, UPDATE (failures, last_at), DELETE ON signin_attempts TO slipway_app;
GRANT SELECT, INSERT, UPDATE (role, joined_at, ended_at) ON members TO slipway_app;
GRANT SELECT, INSERT, UPDATE (accepted_at, accepted_by, revoked_at, revoked_by) ON invitations TO slipway_app;
GRANT SELECT, INSERT, UPDATE (title, head, last_message_at, preview, message_count) ON chats TO slipway_app;
GRANT SELECT, INSERT, UPDATE (participant, read_count, version) ON chat_people TO slipway_app;
GRANT SELECT, INSERT, UPDATE (name, instructions, model, enabled, is_default) ON agents TO slipway_app;
