-- What shall go, and what may be used.
--
-- A sandbox that shall go with its files is `doomed` until its executor says that it has: while it stops, and while its
-- files wait for that. So whoever asked for it may die; a sweep finishes it.
-- Limits (quotas) that somebody takes back are a row that says nothing: rows of quotas are never deleted.
-- This file is never edited once it was merged; the next change is the next file.

ALTER TABLE sandboxes ADD COLUMN doomed boolean NOT NULL DEFAULT false;
ALTER TABLE sandboxes ADD CONSTRAINT sandboxes_doomed_end CHECK (NOT doomed OR state IN ('stopping', 'stopped'));
CREATE INDEX sandboxes_doomed ON sandboxes (sandbox_id) WHERE doomed;

GRANT UPDATE (doomed) ON sandboxes TO slipway_app;
