-- The org's search: what was said, as the chats' objects told it.
--
-- As before: row-level security is forced and closed by default. An index on `words` cannot be used under the policy of an
-- org, nor where a table that is joined has one on the same column: `@@` is not leakproof, and Postgres evaluates policies
-- first. So the one statement that looks for words is a function of the owner's, which alone may read messages and the titles
-- of chats past those policies, and which holds every row against the org, the person and the channels itself.
-- This file is never edited once it was merged; the next change is the next file.

-- One row is one message, in its present form; a deleted one keeps its place, without a word of it. `words` holds the words
-- of the text and where they stand, and the org's own mark (`org_…`, which no text can have: a word has no underscore), so
-- that looking into the index meets only the org's rows. `fork` is the number of the event that began it.
CREATE TABLE messages (
    org_id  text NOT NULL,
    chat_id text NOT NULL,
    seq     bigint NOT NULL CHECK (seq >= 1),
    fork    bigint CHECK (fork >= 1),
    author  text NOT NULL CHECK (author LIKE 'user\_%' OR author LIKE 'agent\_%' OR author = 'system'),
    at      timestamptz NOT NULL,
    version bigint NOT NULL CHECK (version >= seq),
    text    text,
    words   tsvector NOT NULL,
    PRIMARY KEY (chat_id, seq),
    FOREIGN KEY (org_id, chat_id) REFERENCES chats (org_id, chat_id),
    CHECK (text IS NOT NULL OR words = ''::tsvector)
);
-- No list of what is still to be sorted in: it would be read through by every search.
CREATE INDEX messages_words ON messages USING gin (words) WITH (fastupdate = off);
CREATE INDEX messages_newest ON messages (org_id, at DESC, chat_id DESC, seq DESC) WHERE text IS NOT NULL;

ALTER TABLE messages ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY org ON messages USING (org_id = current_setting('app.current_org_id', true));
CREATE POLICY search ON messages FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY search ON chats FOR SELECT TO CURRENT_USER USING (true);

-- The messages of the transaction's org that a member of it with this role sees and that hold what is wanted: the best of
-- the newest thousand first, so that no more are ranked.
-- `after_*` is the last one of the page before. The statement is planned anew each time, for what is wanted decides which
-- index is the shorter way. They are ordered as whole rows, which no index does: words that seem common together and are not
-- would otherwise have every message of the org read in the order of time, a hundred times slower than reading them all.
CREATE FUNCTION search_messages(
    wanted text, person text, role text, in_channel text, by_author text, since timestamptz, before timestamptz,
    after_rank bigint, after_at timestamptz, after_chat text, after_seq bigint, most bigint
) RETURNS TABLE (
    rank bigint, chat_id text, seq bigint, fork bigint, author text, at timestamptz, text text, title text,
    channel_id text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $function$
DECLARE
    org text := nullif(current_setting('app.current_org_id', true), '');
BEGIN
    IF org IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE $statement$
        WITH seen AS MATERIALIZED (
            SELECT channels.channel_id FROM channels
             WHERE channels.org_id = $1 AND ($5::text IS NULL OR channels.channel_id = $5)
               AND ((visibility = 'public' AND $4 <> 'guest') OR EXISTS (
                   SELECT 1 FROM channel_members
                    WHERE channel_members.org_id = $1 AND channel_members.channel_id = channels.channel_id
                      AND channel_members.user_id = $3))),
        newest AS (
            SELECT messages.*, chats.title, chats.channel_id
              FROM messages JOIN chats ON chats.org_id = $1 AND chats.chat_id = messages.chat_id
             WHERE messages.org_id = $1 AND messages.text IS NOT NULL AND messages.words @@ $2
               AND chats.channel_id IN (SELECT seen.channel_id FROM seen)
               AND ($6::text IS NULL OR messages.author = $6)
               AND ($7::timestamptz IS NULL OR messages.at >= $7)
               AND ($8::timestamptz IS NULL OR messages.at < $8)
             ORDER BY (messages.at, messages.chat_id, messages.seq) DESC LIMIT 1000),
        ranked AS (
            SELECT (ts_rank_cd(words, $14) * 1000000)::bigint AS rank, newest.* FROM newest)
        SELECT ranked.rank, ranked.chat_id, ranked.seq, ranked.fork, ranked.author, ranked.at, ranked.text,
               ranked.title, ranked.channel_id
          FROM ranked
         WHERE $9::bigint IS NULL OR (ranked.rank, ranked.at, ranked.chat_id, ranked.seq) < ($9, $10, $11, $12)
         ORDER BY ranked.rank DESC, ranked.at DESC, ranked.chat_id DESC, ranked.seq DESC LIMIT $13
    $statement$
    USING org, ('''' || org || '''')::tsquery && wanted::tsquery, person, role, in_channel, by_author, since, before,
          after_rank, after_at, after_chat, after_seq, most, wanted::tsquery;
END
$function$;
REVOKE EXECUTE ON FUNCTION search_messages FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_messages TO slipway_app;

GRANT SELECT, INSERT, UPDATE (version, text, words) ON messages TO slipway_app;
