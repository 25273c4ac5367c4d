-- What somebody has not read in all their chats, asked for every few seconds; and chats that are to tell the index anew.
--
-- `changed` is the transaction that last changed what such a question is answered with. Whoever asks is told, as where to go
-- on from, the oldest transaction that was still under way: whatever was not seen is of that one or of a later one. So
-- nothing is missed, however long a transaction takes, and what is told twice does no harm.
-- This file is never edited once it was merged; the next change is the next file.

ALTER TABLE chats
    ADD COLUMN changed bigint NOT NULL DEFAULT 0 CHECK (changed >= 0),
    -- the chat's object is to tell all rows of the chat once more
    ADD COLUMN retell  boolean NOT NULL DEFAULT false;
ALTER TABLE chat_people
    ADD COLUMN changed  bigint NOT NULL DEFAULT 0 CHECK (changed >= 0),
    -- messages that mention or answer the person and that they have not read
    ADD COLUMN mentions bigint NOT NULL DEFAULT 0 CHECK (mentions >= 0);
CREATE INDEX chats_changed ON chats (org_id, changed);
CREATE INDEX chat_people_changed ON chat_people (org_id, user_id, changed);
CREATE INDEX chats_retell ON chats (chat_id) WHERE retell;

GRANT UPDATE (changed, retell) ON chats TO slipway_app;
GRANT UPDATE (changed, mentions) ON chat_people TO slipway_app;
