-- What context items mean, as a model puts it into numbers: by it they are found where no word is the same.
--
-- As before: row-level security is forced and closed by default. The numbers are a plain array, so that a Postgres without
-- pgvector holds them too; only a search by meaning needs its type `vector`, and asks each time whether it is there. So the
-- extension may also come later, or from a superuser: `CREATE EXTENSION vector`. An embedding is of one version of an item,
-- by one model; one without numbers says that the model does not take that version, and is not asked again before
-- `again_at`. No index of vectors: an org's items are bounded by their scopes, and a search looks at those of one org alone.
-- This file is never edited once it was merged; the next change is the next file.

DROP INDEX context_items_newest;
ALTER TABLE context_items ADD CONSTRAINT context_items_of_org_key UNIQUE (org_id, item_id);
-- What is not embedded is looked for every minute: without reading any item.
CREATE INDEX context_items_versions ON context_items (org_id, item_id) INCLUDE (version) WHERE state = 'active';

CREATE TABLE context_embeddings (
    org_id    text NOT NULL,
    item_id   text NOT NULL,
    model     text NOT NULL CHECK (length(model) BETWEEN 1 AND 300),
    version   bigint NOT NULL CHECK (version >= 1),
    embedding real[] NOT NULL CHECK (cardinality(embedding) <= 4096),
    made_at   timestamptz NOT NULL,
    again_at  timestamptz,
    PRIMARY KEY (org_id, item_id) INCLUDE (model, version, again_at),
    FOREIGN KEY (org_id, item_id) REFERENCES context_items (org_id, item_id) ON DELETE CASCADE,
    CHECK ((cardinality(embedding) = 0) = (again_at IS NOT NULL))
);

ALTER TABLE context_embeddings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY org ON context_embeddings USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY sweeps ON context_embeddings FOR SELECT USING (current_setting('app.system_job', true) = 'sweeps');
CREATE POLICY sweeps ON context_items FOR SELECT USING (current_setting('app.system_job', true) = 'sweeps');

GRANT SELECT, INSERT, UPDATE (model, version, embedding, made_at, again_at) ON context_embeddings TO slipway_app;

DO $do$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'vector') THEN
        CREATE EXTENSION IF NOT EXISTS vector;
    END IF;
EXCEPTION
    WHEN insufficient_privilege OR feature_not_supported OR undefined_file THEN
        RAISE NOTICE 'context items are not found by meaning: the extension vector was not created (%)', SQLERRM;
END
$do$;
