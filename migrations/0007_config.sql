-- What orgs set for themselves.
--
-- As before: row-level security is forced and closed by default.
-- This file is never edited once it was merged; the next change is the next file.

-- One row is one key that was ever set. `value` is text that holds JSON (jsonb refuses the character NUL, and nothing here is
-- looked for by value); null says that the default holds again, and the row who said so. Which keys there are, and what each
-- takes, `slipway_domain::config` knows: a new key needs no migration, and code that does not know a key passes over it.
-- The default agent's own mark is `agents.is_default`; its row here says who set it last.
CREATE TABLE org_config (
    org_id     text NOT NULL REFERENCES orgs,
    key        text NOT NULL CHECK (key ~ '^[a-z_]{1,40}$'),
    value      text CHECK (octet_length(value) <= 262144),
    updated_by text NOT NULL CHECK (updated_by LIKE 'user\_%' OR updated_by LIKE 'agent\_%' OR updated_by = 'system'),
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, key)
);

ALTER TABLE org_config ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY org ON org_config USING (org_id = current_setting('app.current_org_id', true));
GRANT SELECT, INSERT, UPDATE (value, updated_by, updated_at) ON org_config TO slipway_app;
