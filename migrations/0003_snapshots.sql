-- Snapshots: a sandbox's workspace as it was once. Its bytes lie in R2 under the snapshot's id.
--
-- A row comes before its object and goes after it, so that no object is ever without one: `taking` until R2 has all of it,
-- `kept`, `removing` until R2 has it no longer. Only those that are kept are shown. Who dies in between leaves a row that a
-- sweep finds.
-- This file is never edited once it was merged; the next change is the next file.

CREATE TABLE snapshots (
    snapshot_id text PRIMARY KEY CHECK (snapshot_id LIKE 'snap\_%'),
    org_id      text NOT NULL,
    sandbox_id  text NOT NULL,
    state       text NOT NULL CHECK (state IN ('taking', 'kept', 'removing')),
    cause       text NOT NULL CHECK (cause IN ('asked', 'stopped')),
    bytes       bigint CHECK (bytes >= 0),
    sha256      text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    taken_by    text NOT NULL CHECK (taken_by LIKE 'user\_%' OR taken_by LIKE 'agent\_%' OR taken_by = 'system'),
    created_at  timestamptz NOT NULL,
    FOREIGN KEY (org_id, sandbox_id) REFERENCES sandboxes (org_id, sandbox_id),
    CHECK ((bytes IS NULL) = (sha256 IS NULL)),
    CHECK (bytes IS NOT NULL OR state <> 'kept')
);
CREATE INDEX snapshots_of_sandbox ON snapshots (org_id, sandbox_id, snapshot_id DESC);
CREATE INDEX snapshots_unsettled ON snapshots (snapshot_id) WHERE state <> 'kept';

-- Sandboxes whose last run nobody has kept the files of. A row is written with the end of the run, and goes once a snapshot
-- was taken, or was tried as often as it is worth.
CREATE TABLE snapshots_owed (
    sandbox_id text PRIMARY KEY,
    org_id     text NOT NULL,
    run_epoch  bigint NOT NULL CHECK (run_epoch >= 1),
    tries      bigint NOT NULL CHECK (tries >= 0),
    again_at   timestamptz NOT NULL,
    FOREIGN KEY (org_id, sandbox_id) REFERENCES sandboxes (org_id, sandbox_id)
);
CREATE INDEX snapshots_owed_next ON snapshots_owed (again_at);

ALTER TABLE snapshots      ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE snapshots_owed ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY org ON snapshots      USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY org ON snapshots_owed USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY sweeps ON snapshots      FOR SELECT USING (current_setting('app.system_job', true) = 'sweeps');
CREATE POLICY sweeps ON snapshots_owed FOR SELECT USING (current_setting('app.system_job', true) = 'sweeps');

GRANT SELECT, INSERT, DELETE, UPDATE (state, bytes, sha256) ON snapshots TO slipway_app;
GRANT SELECT, INSERT, DELETE, UPDATE (run_epoch, tries, again_at) ON snapshots_owed TO slipway_app;
