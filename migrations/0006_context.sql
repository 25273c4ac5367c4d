-- Context items: what agents are to know, in a chat, in all chats of a channel, or in all of the org.
--
-- As before: row-level security is forced and closed by default.
-- `words` and `tag_words` are the distinct words of title and text, and of the tags, as `slipway_domain::search` makes
-- them; by them an item is held against what was said last, so that no text is read that is not given. `client_id` is the
-- author's own name for the request that made the item (of an agent's proposal: the key of its call), so that the same
-- request again makes no second one. `proposed_in` is the chat whose agent proposed it.
-- This file is never edited once it was merged; the next change is the next file.

CREATE TABLE context_items (
    item_id     text PRIMARY KEY CHECK (item_id LIKE 'ctx\_%'),
    org_id      text NOT NULL REFERENCES orgs,
    scope       text NOT NULL CHECK (scope IN ('chat', 'channel', 'org')),
    channel_id  text,
    chat_id     text,
    state       text NOT NULL CHECK (state IN ('proposed', 'active')),
    title       text NOT NULL CHECK (length(title) BETWEEN 1 AND 120),
    text        text NOT NULL CHECK (octet_length(text) BETWEEN 1 AND 16384),
    tags        text[] NOT NULL CHECK (cardinality(tags) <= 10),
    words       text[] NOT NULL,
    tag_words   text[] NOT NULL,
    source      text CHECK (source LIKE 'msg\_%'),
    created_by  text NOT NULL CHECK (created_by LIKE 'user\_%' OR created_by LIKE 'agent\_%'),
    client_id   text NOT NULL CHECK (length(client_id) BETWEEN 1 AND 300),
    created_at  timestamptz NOT NULL,
    proposed_in text,
    accepted_by text CHECK (accepted_by LIKE 'user\_%'),
    expires_at  timestamptz,
    version     bigint NOT NULL CHECK (version >= 1),
    CONSTRAINT context_items_client_key UNIQUE (org_id, created_by, client_id),
    FOREIGN KEY (org_id, channel_id) REFERENCES channels (org_id, channel_id),
    FOREIGN KEY (org_id, chat_id) REFERENCES chats (org_id, chat_id),
    FOREIGN KEY (org_id, proposed_in) REFERENCES chats (org_id, chat_id),
    CHECK ((channel_id IS NOT NULL) = (scope IN ('chat', 'channel'))),
    CHECK ((chat_id IS NOT NULL) = (scope = 'chat')),
    CHECK (state = 'active' OR proposed_in IS NOT NULL),
    CHECK (accepted_by IS NULL OR state = 'active')
);
CREATE INDEX context_items_newest ON context_items (org_id, item_id DESC);
CREATE INDEX context_items_of_chat ON context_items (org_id, chat_id) WHERE scope = 'chat';
CREATE INDEX context_items_of_channel ON context_items (org_id, channel_id) WHERE scope = 'channel';
CREATE INDEX context_items_of_org ON context_items (org_id) WHERE scope = 'org';
CREATE INDEX context_items_proposed ON context_items (org_id, proposed_in) WHERE state = 'proposed';

ALTER TABLE context_items ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY org ON context_items USING (org_id = current_setting('app.current_org_id', true));

GRANT SELECT, INSERT, DELETE,
      UPDATE (state, title, text, tags, words, tag_words, accepted_by, expires_at, version)
      ON context_items TO slipway_app;
