-- Sandboxes and their places, quotas, usage, the inbox of approvals, artifacts, the audit log, sweeps.
--
-- As before: row-level security is forced on every table and closed by default. A new system job:
--   sweeps       what the sweeps look through, across orgs: to be read only, but for their own book-keeping; what they
--                do about a row, they do in a transaction of its org
-- Structures that only the Workers look into (hosts, starts, asks, votes) are text that holds JSON: jsonb refuses the
-- character NUL, which people may type.
-- This file is never edited once it was merged; the next change is the next file.

-- Sandboxes

-- One row is one sandbox, with what `slipway_domain::sandbox` decides on. `run_epoch` is the epoch of its start, `run_from`
-- and `seen_at` its run's beginning and when it was last seen; `changed_at` is when the state began.
CREATE TABLE sandboxes (
    sandbox_id    text PRIMARY KEY CHECK (sandbox_id LIKE 'sbx\_%'),
    org_id        text NOT NULL,
    chat_id       text NOT NULL,
    approval_id   text NOT NULL CONSTRAINT sandboxes_approval_key UNIQUE CHECK (approval_id LIKE 'appr\_%'),
    state         text NOT NULL CHECK (state IN (
                      'queued', 'starting', 'ready', 'idle', 'stopping', 'stopped', 'destroyed', 'failed')),
    reason        text CHECK (reason IN (
                      'requested', 'idle', 'executor_unavailable', 'start_failed', 'crash_loop', 'lost', 'quota_reached',
                      'owner_gone')),
    detail        text,
    epoch         bigint NOT NULL CHECK (epoch >= 1),
    version       bigint NOT NULL CHECK (version >= 1),
    starts        text NOT NULL,
    size          text NOT NULL CHECK (size IN ('small', 'medium', 'large')),
    hosts         text NOT NULL,
    hosts_version bigint NOT NULL CHECK (hosts_version >= 1),
    template      text,
    executor_id   text,
    asked_by      text NOT NULL CHECK (asked_by LIKE 'user\_%' OR asked_by LIKE 'agent\_%' OR asked_by = 'system'),
    user_id       text CHECK (user_id LIKE 'user\_%'),
    created_at    timestamptz NOT NULL,
    queued_at     timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL,
    run_epoch     bigint,
    run_from      timestamptz,
    seen_at       timestamptz,
    used_at       timestamptz,
    -- What others have acknowledged.
    told_chat_version    bigint NOT NULL CHECK (told_chat_version >= 0),
    told_route_version   bigint NOT NULL CHECK (told_route_version >= 0),
    told_executor_epoch  bigint NOT NULL CHECK (told_executor_epoch >= 0),
    told_executor_hosts  bigint NOT NULL CHECK (told_executor_hosts >= 0),
    lease_owner   text,
    lease_until   timestamptz,
    UNIQUE (org_id, sandbox_id),
    FOREIGN KEY (org_id, chat_id) REFERENCES chats (org_id, chat_id),
    CHECK ((reason IS NOT NULL) = (state IN ('stopping', 'stopped', 'failed'))),
    CHECK ((run_epoch IS NOT NULL) = (state IN ('starting', 'ready', 'idle', 'stopping'))),
    CHECK ((run_from IS NULL) = (seen_at IS NULL)),
    CHECK (run_from IS NOT NULL OR state NOT IN ('ready', 'idle')),
    CHECK (run_from IS NULL OR state IN ('ready', 'idle', 'stopping')),
    CHECK ((used_at IS NOT NULL) = (state IN ('ready', 'idle')))
);
CREATE INDEX sandboxes_of_chat ON sandboxes (org_id, chat_id, sandbox_id DESC);
CREATE INDEX sandboxes_queue ON sandboxes (org_id, queued_at, sandbox_id) WHERE state = 'queued';
CREATE INDEX sandboxes_running ON sandboxes (sandbox_id) WHERE state IN ('starting', 'ready', 'idle', 'stopping');
CREATE INDEX sandboxes_of_executor ON sandboxes (executor_id, sandbox_id) WHERE state <> 'destroyed';
CREATE INDEX sandboxes_of_user ON sandboxes (org_id, user_id)
    WHERE state IN ('queued', 'starting', 'ready', 'idle', 'stopping');
CREATE INDEX sandboxes_untold ON sandboxes (sandbox_id)
    WHERE told_chat_version < version OR told_route_version < version
       OR (run_from IS NOT NULL AND (told_executor_epoch < epoch OR told_executor_hosts < hosts_version));

-- Approvals that were carried out upon a sandbox that was there already: each once.
CREATE TABLE sandbox_acts (
    approval_id text PRIMARY KEY CHECK (approval_id LIKE 'appr\_%'),
    org_id      text NOT NULL,
    sandbox_id  text NOT NULL,
    acted_at    timestamptz NOT NULL,
    FOREIGN KEY (org_id, sandbox_id) REFERENCES sandboxes (org_id, sandbox_id)
);

-- How many sandboxes run: of the whole org (holder 'org'), and of each of its people (holder is the user).
CREATE TABLE sandbox_places (
    org_id  text NOT NULL REFERENCES orgs,
    holder  text NOT NULL CHECK (holder = 'org' OR holder LIKE 'user\_%'),
    running bigint NOT NULL CHECK (running >= 0),
    PRIMARY KEY (org_id, holder)
);

-- What differs from the limits that everybody has: of the whole org (holder 'org'), of every member who has no row of their
-- own (holder 'member'), or of one person. What is absent stays as it is for everybody.
CREATE TABLE quotas (
    org_id       text NOT NULL REFERENCES orgs,
    holder       text NOT NULL CHECK (holder IN ('org', 'member') OR holder LIKE 'user\_%'),
    running      bigint CHECK (running >= 0),
    seconds      bigint CHECK (seconds >= 0),
    egress_bytes bigint CHECK (egress_bytes >= 0),
    PRIMARY KEY (org_id, holder)
);

-- Usage

-- The ledger. A run of a sandbox is one entry of the kind 'sandbox_seconds', open until it ended; `bytes` is all that it
-- sent outside so far. What of these bytes was told on which day (UTC) is an entry of the kind 'egress_bytes'.
CREATE TABLE usage_entries (
    org_id     text NOT NULL,
    sandbox_id text NOT NULL,
    epoch      bigint NOT NULL CHECK (epoch >= 1),
    kind       text NOT NULL CHECK (kind IN ('sandbox_seconds', 'egress_bytes')),
    period     text NOT NULL,
    chat_id    text NOT NULL,
    user_id    text CHECK (user_id LIKE 'user\_%'),
    agent_id   text CHECK (agent_id LIKE 'agent\_%'),
    size       text NOT NULL CHECK (size IN ('small', 'medium', 'large')),
    from_at    timestamptz NOT NULL,
    until_at   timestamptz,
    bytes      bigint NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (sandbox_id, epoch, kind, period),
    FOREIGN KEY (org_id, sandbox_id) REFERENCES sandboxes (org_id, sandbox_id),
    CHECK (until_at >= from_at),
    CHECK ((period = '') = (kind = 'sandbox_seconds'))
);
-- Two runs of a sandbox at once would be a bill for what nobody had.
CREATE UNIQUE INDEX usage_entries_one_open ON usage_entries (sandbox_id)
    WHERE kind = 'sandbox_seconds' AND until_at IS NULL;
CREATE INDEX usage_entries_ended ON usage_entries (org_id, until_at) WHERE until_at IS NOT NULL;
CREATE INDEX usage_entries_open ON usage_entries (org_id) WHERE until_at IS NULL;
CREATE INDEX usage_entries_of_sandbox ON usage_entries (org_id, sandbox_id);

-- Approvals: the inbox. A projection of the chats' own logs, never the truth about them.

CREATE TABLE approvals (
    approval_id text PRIMARY KEY CHECK (approval_id LIKE 'appr\_%'),
    org_id      text NOT NULL,
    chat_id     text NOT NULL,
    asked_by    text NOT NULL CHECK (asked_by LIKE 'user\_%' OR asked_by LIKE 'agent\_%' OR asked_by = 'system'),
    user_id     text CHECK (user_id LIKE 'user\_%'),
    turn_id     text CHECK (turn_id LIKE 'turn\_%'),
    ask         text NOT NULL,
    state       text NOT NULL CHECK (state IN ('open', 'approved', 'denied', 'expired', 'withdrawn')),
    votes       text NOT NULL,
    asked_at    timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    version     bigint NOT NULL CHECK (version >= 0),
    FOREIGN KEY (org_id, chat_id) REFERENCES chats (org_id, chat_id)
);
CREATE INDEX approvals_newest ON approvals (org_id, asked_at DESC, approval_id DESC);
CREATE INDEX approvals_of_state ON approvals (org_id, state, asked_at DESC, approval_id DESC);

CREATE TABLE approval_policies (
    org_id        text PRIMARY KEY REFERENCES orgs,
    quorum        bigint NOT NULL CHECK (quorum BETWEEN 1 AND 5),
    self_approval text NOT NULL CHECK (self_approval IN ('never', 'when_alone', 'always'))
);

-- Artifacts. Their bytes lie in R2 under the artifact's id; `key` names what captured it, so that it happens once.

CREATE TABLE artifacts (
    artifact_id text PRIMARY KEY CHECK (artifact_id LIKE 'art\_%'),
    org_id      text NOT NULL,
    chat_id     text NOT NULL,
    sandbox_id  text NOT NULL,
    key         text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    path        text NOT NULL CHECK (octet_length(path) BETWEEN 1 AND 1024),
    name        text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 1024),
    bytes       bigint NOT NULL CHECK (bytes >= 0),
    sha256      text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    captured_by text NOT NULL CHECK (
                    captured_by LIKE 'user\_%' OR captured_by LIKE 'agent\_%' OR captured_by = 'system'),
    created_at  timestamptz NOT NULL,
    UNIQUE (sandbox_id, key),
    FOREIGN KEY (org_id, chat_id) REFERENCES chats (org_id, chat_id),
    FOREIGN KEY (org_id, sandbox_id) REFERENCES sandboxes (org_id, sandbox_id)
);
CREATE INDEX artifacts_newest ON artifacts (org_id, artifact_id DESC);
CREATE INDEX artifacts_of_chat ON artifacts (org_id, chat_id, artifact_id DESC);

-- Audit: rows are added and read, by nobody changed. The database itself says when: no grant lets a Worker write `at`.
-- `key` names what is recorded, so that it is recorded once however often it is told.

CREATE TABLE audit (
    org_id  text NOT NULL REFERENCES orgs,
    key     text NOT NULL CHECK (length(key) BETWEEN 1 AND 300),
    at      timestamptz NOT NULL DEFAULT date_trunc('milliseconds', transaction_timestamp()),
    actor   text NOT NULL CHECK (actor LIKE 'user\_%' OR actor LIKE 'agent\_%' OR actor = 'system'),
    action  text NOT NULL CHECK (action ~ '^[a-z_]+(\.[a-z_]+)+$'),
    subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),
    detail  text NOT NULL,
    PRIMARY KEY (org_id, key)
);
CREATE INDEX audit_newest ON audit (org_id, at DESC, key DESC);

-- Sweeps: who does one now, how far it is, how the last round ended.

CREATE TABLE sweeps (
    name        text PRIMARY KEY CHECK (name ~ '^[a-z_]{1,40}$'),
    lease_owner text,
    lease_until timestamptz NOT NULL,
    cursor      text,
    last_run    timestamptz,
    outcome     text
);

-- Who sees which rows

ALTER TABLE sandboxes         ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE sandbox_acts      ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE sandbox_places    ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE quotas            ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE usage_entries     ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE approvals         ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE approval_policies ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE artifacts         ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE audit             ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE sweeps            ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY org ON sandboxes         USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON sandbox_acts      USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON sandbox_places    USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON quotas            USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON usage_entries     USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON approvals         USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON approval_policies USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON artifacts         USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org_select ON audit FOR SELECT USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org_insert ON audit FOR INSERT WITH CHECK (org_id = current_setting('app.current_org_id', true));

CREATE POLICY sweeps ON sweeps USING (current_setting('app.system_job', true) = 'sweeps');
CREATE POLICY sweeps ON sandboxes FOR SELECT USING (current_setting('app.system_job', true) = 'sweeps');
CREATE POLICY sweeps ON usage_entries FOR SELECT USING (current_setting('app.system_job', true) = 'sweeps');
CREATE POLICY sweeps ON quotas FOR SELECT USING (current_setting('app.system_job', true) = 'sweeps');
-- Whose place in an org has ended, their sandboxes must stop; who is in it, sweeps need not know.
CREATE POLICY sweeps ON members FOR SELECT
    USING (current_setting('app.system_job', true) = 'sweeps' AND ended_at IS NOT NULL);

-- Where a sandbox or artifact of one's own orgs belongs, and whether one takes part in its chat.
CREATE POLICY memberships ON sandboxes FOR SELECT
    USING (current_setting('app.system_job', true) = 'memberships' AND EXISTS (
        SELECT 1 FROM members
         WHERE members.org_id = sandboxes.org_id AND members.user_id = current_setting('app.user_id', true)
           AND members.ended_at IS NULL));
CREATE POLICY memberships ON artifacts FOR SELECT
    USING (current_setting('app.system_job', true) = 'memberships' AND EXISTS (
        SELECT 1 FROM members
         WHERE members.org_id = artifacts.org_id AND members.user_id = current_setting('app.user_id', true)
           AND members.ended_at IS NULL));
CREATE POLICY memberships ON chat_people FOR SELECT
    USING (current_setting('app.system_job', true) = 'memberships'
           AND user_id = current_setting('app.user_id', true));

-- What the Workers may do at all

GRANT SELECT, INSERT,
      UPDATE (state, reason, detail, epoch, version, starts, hosts, hosts_version, executor_id, queued_at, changed_at,
              run_epoch, run_from, seen_at, used_at, told_chat_version, told_route_version, told_executor_epoch,
              told_executor_hosts, lease_owner, lease_until)
      ON sandboxes TO slipway_app;
GRANT SELECT, INSERT ON sandbox_acts, artifacts TO slipway_app;
GRANT SELECT, INSERT, UPDATE (running) ON sandbox_places TO slipway_app;
GRANT SELECT, INSERT, UPDATE (running, seconds, egress_bytes) ON quotas TO slipway_app;
GRANT SELECT, INSERT, UPDATE (until_at, bytes) ON usage_entries TO slipway_app;
GRANT SELECT, INSERT, UPDATE (state, votes, version) ON approvals TO slipway_app;
GRANT SELECT, INSERT, UPDATE (quorum, self_approval) ON approval_policies TO slipway_app;
GRANT SELECT, INSERT (org_id, key, actor, action, subject, detail) ON audit TO slipway_app;
GRANT SELECT, INSERT, UPDATE (lease_owner, lease_until, cursor, last_run, outcome) ON sweeps TO slipway_app;
