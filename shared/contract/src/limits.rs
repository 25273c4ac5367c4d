//! Limits that clients can see. Each is enforced by the process that owns the thing.

/// Longest message, in bytes of UTF-8.
pub const MESSAGE_BYTES: usize = 64 * 1024;
/// Longest JSON body of any request but a message post, in bytes.
pub const BODY_BYTES: usize = 64 * 1024;
/// Longest JSON body of a message post: every byte of the text may be escaped as `\u00xx` (6 bytes), plus the envelope.
pub const POST_BODY_BYTES: usize = 6 * MESSAGE_BYTES + 4 * 1024;
/// Longest frame that a client may send over a socket, in bytes.
pub const FRAME_BYTES: usize = POST_BODY_BYTES;
/// Longest `client_id`, in bytes.
pub const CLIENT_ID_BYTES: usize = 64;
/// Longest title of a chat, name of an org, channel, agent or person, in characters.
pub const NAME_CHARS: usize = 120;
/// Longest instructions of an agent, in bytes of UTF-8.
pub const INSTRUCTIONS_BYTES: usize = 16 * 1024;
/// Longest emoji of a reaction, in bytes of UTF-8 (the longest flags and families are 28 to 35).
pub const EMOJI_BYTES: usize = 40;
/// Distinct emoji on one message.
pub const EMOJI_PER_MESSAGE: usize = 20;
/// Reactions of all people on one message.
pub const REACTIONS_PER_MESSAGE: usize = 1_000;
/// Edits of one message.
pub const EDITS_PER_MESSAGE: usize = 100;
/// People and agents in one chat.
pub const PARTICIPANTS_PER_CHAT: usize = 5_000;
/// Turns of one chat that have not ended.
pub const OPEN_TURNS_PER_CHAT: usize = 20;
/// Agents that one message may mention.
pub const MENTIONS_PER_MESSAGE: usize = 5;
/// People whom one message may mention.
pub const PEOPLE_MENTIONED: usize = 20;
/// Unread mentions of one person in one chat that are counted; of more, the first ones.
pub const MENTIONS_COUNTED: usize = 100;
/// How deep agents may call agents; a person's message is depth 0.
pub const TURN_DEPTH: u8 = 3;
/// Items of a list without `limit`, and the most of one page.
pub const PAGE_DEFAULT: u32 = 50;
/// The most items of one page.
pub const PAGE_MAX: u32 = 200;
/// Events that a socket replays; a client further behind pages through REST first.
pub const REPLAY_EVENTS: u64 = 1_000;
/// Sockets of one person into one chat.
pub const SOCKETS_PER_PERSON: usize = 20;
/// People who are told by name as being in a chat; of more, only how many.
pub const PRESENT_NAMED: usize = 50;
/// Life of a socket ticket, in milliseconds.
pub const TICKET_LIFE_MS: i64 = 30_000;
/// Shortest and longest password, in characters (NIST SP 800-63B: at least 8 with no composition rules; we ask for 10).
pub const PASSWORD_CHARS: core::ops::RangeInclusive<usize> = 10..=256;
/// Sub-protocol of the chat socket.
pub const SOCKET_PROTOCOL: &str = "slipway.v1";
/// Approvals of one chat that nobody has decided.
pub const OPEN_APPROVALS_PER_CHAT: usize = 20;
/// Longest reason of an ask or a decision, in characters.
pub const REASON_CHARS: usize = 500;
/// Hosts that a sandbox may reach.
pub const HOSTS_PER_SANDBOX: usize = 50;
/// Largest file that goes into or out of a sandbox by the API, in bytes.
pub const SANDBOX_FILE_BYTES: usize = 32 * 1024 * 1024;
/// Longest path inside a sandbox, in bytes.
pub const PATH_BYTES: usize = 1024;
/// What an agent is told of a tool's output, in bytes; the middle of more is left out.
pub const TOOL_RESULT_BYTES: usize = 16 * 1024;
/// What people see of a running command's output, in bytes; then only its end.
pub const OUTPUT_TAIL_BYTES: usize = 64 * 1024;
/// What is kept of one command's output, in bytes.
pub const EXEC_OUTPUT_BYTES: u64 = 4 * 1024 * 1024;
/// Snapshots of one sandbox; an older one makes way for a new one.
pub const SNAPSHOTS_PER_SANDBOX: usize = 5;
/// Largest snapshot, compressed, in bytes.
pub const SNAPSHOT_BYTES: u64 = 1024 * 1024 * 1024;
/// Forks of one chat that are open, where the org has not set `max_forks_per_thread`.
pub const OPEN_FORKS_PER_CHAT: usize = 5;
/// Longest description of a fork, in characters.
pub const FORK_DESCRIPTION_CHARS: usize = 200;
/// Longest summary of a fork, in bytes of UTF-8.
pub const FORK_SUMMARY_BYTES: usize = 16 * 1024;
/// Messages that a fork's summary may rest on.
pub const FORK_EVIDENCE: usize = 20;
/// Longest text to search for, in characters.
pub const SEARCH_CHARS: usize = 200;
/// Most words of it that count.
pub const SEARCH_WORDS: usize = 12;
/// Items of a page of what was found, without `limit`, and the most.
pub const FOUND_DEFAULT: u32 = 20;
/// The most items of a page of what was found.
pub const FOUND_MAX: u32 = 50;
/// Messages of one chat that are pinned.
pub const PINS_PER_CHAT: usize = 50;
/// Largest attachment, in bytes.
pub const ATTACHMENT_BYTES: u64 = 256 * 1024 * 1024;
/// Size of every part of an upload but the last, in bytes (R2 wants at least 5 MiB, and all of one size).
pub const ATTACHMENT_PART_BYTES: u64 = 8 * 1024 * 1024;
/// Files that one message brings.
pub const ATTACHMENTS_PER_MESSAGE: usize = 10;
/// Longest name of an attachment, in bytes.
pub const FILE_NAME_BYTES: usize = 255;
/// Attachments of one org, in bytes, where nobody has set another limit.
pub const ATTACHMENT_BYTES_PER_ORG: u64 = 10 * 1024 * 1024 * 1024;
/// How long an attachment's address works, in milliseconds.
pub const ATTACHMENT_LINK_MS: i64 = 60 * 60 * 1000;
/// Longest text of a context item, in bytes of UTF-8.
pub const CONTEXT_ITEM_BYTES: usize = 16 * 1024;
/// Longest text by which context items are looked for, in characters.
pub const CONTEXT_QUERY_CHARS: usize = 500;
/// Context items of one scope (a chat, a channel, the org).
pub const CONTEXT_ITEMS_PER_SCOPE: usize = 500;
/// Tags of a context item, and the longest in characters.
pub const TAGS_PER_ITEM: usize = 10;
/// Longest tag, in characters.
pub const TAG_CHARS: usize = 40;
/// The most open forks of one chat that an org may allow.
pub const OPEN_FORKS_MAX: u32 = 50;
