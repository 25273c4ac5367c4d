-- Whoever has an org open hears that a chat or a channel of it was deleted, with the question for what is unread (0011).
--
-- `asked_in` is the transaction in which the deletion was asked for, which is when what it is about was gone for everybody.
-- No row says who knew of it, so all of the org are told that there was one and nobody what it was of: they list again what
-- they see. Deletions that are parts of another hid nothing that was not hidden by that.
-- This file is never edited once it was merged; the next change is the next file.

ALTER TABLE deletions ADD COLUMN asked_in bigint NOT NULL DEFAULT 0 CHECK (asked_in >= 0);
ALTER TABLE deletions ALTER COLUMN asked_in SET DEFAULT pg_current_xact_id()::text::bigint;
CREATE INDEX deletions_asked ON deletions (org_id, asked_in) WHERE kind IN ('chat', 'channel') AND parent_id IS NULL;
