// Generated from shared/contract by its example `typescript`. Do not edit.

/**
 * Who a command comes from.
 */
export type Actor = { "kind": "user", 
/**
 * Which.
 */
id: UserId, } | { "kind": "agent", 
/**
 * Which.
 */
id: AgentId, } | { "kind": "system" };

/**
 * A configured participant that answers with a model. 
 */
export type AgentId = string;

/**
 * How an agent is mentioned: 2 to 32 of `a-z 0-9 -`, starting with a letter, not ending with a hyphen.
 */
export type AgentSlug = string;

/**
 * What shall happen once it is approved.
 */
export type ApprovalAction = { "kind": "start_sandbox", 
/**
 * How large.
 */
size: SandboxSize, 
/**
 * What it may reach; empty for nothing.
 */
hosts: Array<string>, 
/**
 * Files to begin with: the name of a template.
 */
template?: string, 
/**
 * The chat's sandbox that could be used again instead of a new one.
 */
reuse?: SandboxId, } | { "kind": "allow_hosts", 
/**
 * Which.
 */
sandbox: SandboxId, 
/**
 * What it may reach as well.
 */
hosts: Array<string>, };

/**
 * The question, with its exact arguments.
 */
export type ApprovalAsk = { 
/**
 * What shall happen.
 */
action: ApprovalAction, 
/**
 * How much harm it could do.
 */
risk: Risk, 
/**
 * Why, in the words of who asks.
 */
reason: string, 
/**
 * What it costs.
 */
cost?: ApprovalCost, 
/**
 * How many people must approve.
 */
quorum: number, 
/**
 * Whether the person who caused it may answer.
 */
self_approval: SelfApproval, 
/**
 * How long it stands, in seconds.
 */
life_s: number, };

/**
 * What an approval costs while it lasts.
 */
export type ApprovalCost = { 
/**
 * Millionths of a US dollar an hour, while it runs.
 */
micro_usd_per_hour: number, 
/**
 * Sandbox seconds that the org has left this month.
 */
seconds_left: number, };

/**
 * A question that people answer before something risky happens. 
 */
export type ApprovalId = string;

/**
 * Which way an approval is meant, where there are two.
 */
export type ApprovalOption = "new" | "reuse";

/**
 * How an approval stands.
 */
export type ApprovalState = "open" | "approved" | "denied" | "expired" | "withdrawn";

/**
 * An artifact. Its bytes are at `GET /v1/artifacts/{artifact}/content`.
 */
export type Artifact = { 
/**
 * The id.
 */
id: ArtifactId, 
/**
 * The chat.
 */
chat: ChatId, 
/**
 * The sandbox it was captured from.
 */
sandbox: SandboxId, 
/**
 * Its path there, below `/workspace`.
 */
path: string, 
/**
 * The file's name.
 */
name: string, 
/**
 * Size in bytes.
 */
bytes: number, 
/**
 * SHA-256 of the bytes, in hexadecimal digits.
 */
sha256: string, 
/**
 * Who captured it.
 */
by: Actor, 
/**
 * When.
 */
created_at: Timestamp, };

/**
 * A file captured from a sandbox. 
 */
export type ArtifactId = string;

/**
 * A file of a chat.
 */
export type Attachment = { 
/**
 * The id.
 */
id: AttachmentId, 
/**
 * The chat.
 */
chat: ChatId, 
/**
 * The file's name, 1 to 255 bytes, without folders.
 */
name: string, 
/**
 * What its first bytes say that it is, never what the sender said: `application/octet-stream` where they say nothing.
 */
media_type: string, 
/**
 * Size in bytes.
 */
bytes: number, 
/**
 * Width and height in pixels, of images that browsers are given to show.
 */
pixels?: [number, number], 
/**
 * Who put it there.
 */
by: Actor, 
/**
 * When.
 */
created_at: Timestamp, };

/**
 * A file that people put into a chat. 
 */
export type AttachmentId = string;

/**
 * A named place in an org that holds chats. 
 */
export type ChannelId = string;

/**
 * One conversation; also the name of its object. 
 */
export type ChatId = string;

/**
 * What a client sends.
 */
export type ClientFrame = { "type": "post", 
/**
 * Names the request in its answer.
 */
id: number, 
/**
 * The sender's name for the message.
 */
client_id: string, 
/**
 * Markdown.
 */
text: string, 
/**
 * The message it answers.
 */
reply_to?: MessageId, 
/**
 * The fork that it goes to; the chat itself when absent.
 */
fork?: ForkId, } | { "type": "read", 
/**
 * The newest event seen.
 */
seq: Seq, } | { "type": "typing", 
/**
 * Writing or not.
 */
active: boolean, };

/**
 * Something that agents are to know. 
 */
export type ContextItemId = string;

/**
 * One entry of a chat's log.
 */
export type Event = { 
/**
 * Its place: 1, 2, 3, … without gaps.
 */
seq: Seq, 
/**
 * When the chat accepted it.
 */
at: Timestamp, 
/**
 * Who caused it.
 */
actor: Actor, } & ({ "type": "chat.created", 
/**
 * The org that owns it.
 */
org: OrgId, 
/**
 * The channel it is in.
 */
channel: ChannelId, 
/**
 * Its title.
 */
title: string, } | { "type": "chat.renamed", 
/**
 * The new title.
 */
title: string, } | { "type": "chat.default_agent_set", 
/**
 * The agent; nobody answers when absent.
 */
agent: AgentId | null, } | { "type": "participant.joined", 
/**
 * Who, and as what.
 */
participant: Participant, } | { "type": "participant.left", 
/**
 * Who.
 */
participant: ParticipantId, } | { "type": "message.posted" } & MessagePosted | { "type": "message.edited", 
/**
 * Which.
 */
message: MessageId, 
/**
 * The new text; empty once the message was deleted.
 */
text: string, } | { "type": "message.deleted", 
/**
 * Which.
 */
message: MessageId, } | { "type": "reaction.added", 
/**
 * Which.
 */
message: MessageId, 
/**
 * With what.
 */
emoji: string, } | { "type": "reaction.removed", 
/**
 * Which message.
 */
message: MessageId, 
/**
 * Which reaction.
 */
emoji: string, } | { "type": "message.pinned", 
/**
 * Which.
 */
message: MessageId, } | { "type": "message.unpinned", 
/**
 * Which.
 */
message: MessageId, } | { "type": "turn.queued", 
/**
 * The turn.
 */
turn: TurnId, 
/**
 * The agent.
 */
agent: AgentId, 
/**
 * The message to answer.
 */
cause: MessageId, 
/**
 * 0 for a person's message; one more for each agent between.
 */
depth: number, 
/**
 * The fork that it works in; the message to answer stands there, or the fork began from it.
 */
fork?: ForkId, 
/**
 * It drafts the fork's summary.
 */
draft?: boolean, 
/**
 * It brings the chat's summary up to its cause; nothing is said in the chat.
 */
summary?: boolean, } | { "type": "turn.started", 
/**
 * The turn.
 */
turn: TurnId, 
/**
 * 1, 2, …
 */
attempt: number, } | { "type": "turn.tool_called", 
/**
 * The turn.
 */
turn: TurnId, 
/**
 * The call.
 */
call: ToolCall, 
/**
 * Its org keeps no longer what agents did so long ago: the arguments are empty.
 */
forgotten?: boolean, } | { "type": "turn.tool_returned", 
/**
 * The turn.
 */
turn: TurnId, 
/**
 * What it answered.
 */
result: ToolResult, 
/**
 * Its org keeps no longer what agents did so long ago: the content is empty.
 */
forgotten?: boolean, } | { "type": "turn.completed", 
/**
 * The turn.
 */
turn: TurnId, 
/**
 * The answer.
 */
message: MessageId, 
/**
 * The model that gave it, as `provider:model`.
 */
model: string, 
/**
 * What it used, over all its steps.
 */
usage: Usage, 
/**
 * What the agent was given for its last step.
 */
receipt?: Receipt, 
/**
 * Its org keeps no longer what agents did so long ago: the receipt is absent.
 */
forgotten?: boolean, } | { "type": "turn.summarised", 
/**
 * The turn.
 */
turn: TurnId, 
/**
 * The first event that the summary covers.
 */
from: Seq, 
/**
 * The last.
 */
to: Seq, 
/**
 * The summary, Markdown; empty once a message that it covers was deleted.
 */
text: string, 
/**
 * The model that wrote it, as `provider:model`.
 */
model: string, 
/**
 * What it used.
 */
usage: Usage, } | { "type": "turn.failed", 
/**
 * The turn.
 */
turn: TurnId, 
/**
 * Why.
 */
failure: TurnFailure, } | { "type": "turn.cancelled", 
/**
 * The turn.
 */
turn: TurnId, 
/**
 * What the agent had said by then, if anything.
 */
message: MessageId | null, } | { "type": "approval.requested", 
/**
 * The approval.
 */
approval: ApprovalId, 
/**
 * The person who caused it, if any did.
 */
user: UserId | null, 
/**
 * The turn that waits for it.
 */
turn?: TurnId, 
/**
 * The tool call that waits for it, by its name within the turn.
 */
call?: string, 
/**
 * The question.
 */
ask: ApprovalAsk, 
/**
 * When it ends unanswered.
 */
expires_at: Timestamp, } | { "type": "approval.voted", 
/**
 * The approval.
 */
approval: ApprovalId, 
/**
 * For or against.
 */
approve: boolean, 
/**
 * Which way.
 */
option: ApprovalOption, 
/**
 * Why.
 */
reason?: string, } | { "type": "approval.closed", 
/**
 * The approval.
 */
approval: ApprovalId, 
/**
 * How it ended; never `open`.
 */
state: ApprovalState, } | { "type": "approval.carried_out", 
/**
 * The approval.
 */
approval: ApprovalId, 
/**
 * It worked.
 */
done: boolean, 
/**
 * What came of it, for people.
 */
detail: string, } | { "type": "sandbox.changed", 
/**
 * How.
 */
status: SandboxStatus, } | { "type": "preview.opened", 
/**
 * The sandbox.
 */
sandbox: SandboxId, 
/**
 * The port.
 */
port: number, 
/**
 * The turn that opened it.
 */
turn?: TurnId, } | { "type": "fork.created", 
/**
 * The fork.
 */
fork: ForkId, 
/**
 * The message that it begins from.
 */
message: MessageId, 
/**
 * What shall be settled.
 */
description: string, 
/**
 * What the person's client called the request, so that a retry is known.
 */
client_id?: string, } | { "type": "fork.resolved", 
/**
 * The fork.
 */
fork: ForkId, 
/**
 * The summary, a message of the chat itself.
 */
message: MessageId, 
/**
 * The draft that it was made from, a message of the fork.
 */
draft?: MessageId, 
/**
 * Messages of the fork that it rests on.
 */
evidence: Array<MessageId>, } | { "type": "fork.abandoned", 
/**
 * The fork.
 */
fork: ForkId, } | { "type": "artifact.saved", 
/**
 * The artifact.
 */
artifact: Artifact, 
/**
 * The turn that kept it.
 */
turn?: TurnId, });

/**
 * A side discussion of a chat. 
 */
export type ForkId = string;

/**
 * A message. 
 */
export type MessageId = string;

/**
 * A message as it was posted.
 */
export type MessagePosted = { 
/**
 * Its id.
 */
message: MessageId, 
/**
 * Markdown; empty once the message was deleted.
 */
text: string, 
/**
 * What the sender called it, so that a retry is known and a pending message finds its place.
 */
client_id?: string, 
/**
 * The message it answers.
 */
reply_to?: MessageId, 
/**
 * The fork that it stands in; in the chat itself when absent.
 */
fork?: ForkId, 
/**
 * The turn that it is the answer of.
 */
turn?: TurnId, 
/**
 * The answer was stopped before its end.
 */
partial?: boolean, 
/**
 * Files that came with it; none once the message was deleted.
 */
attachments?: Array<Attachment>, 
/**
 * People whom it names as `@Name`, or whose message it answers, at most 20; none once the message was deleted.
 */
mentions?: Array<UserId>, };

/**
 * A tenant. 
 */
export type OrgId = string;

/**
 * A participant as the chat knows it.
 */
export type Participant = { 
/**
 * Who.
 */
id: ParticipantId, 
/**
 * Name shown beside messages.
 */
name: string, 
/**
 * How an agent is mentioned, without the `@`; people have none.
 */
slug?: AgentSlug, 
/**
 * What they may do.
 */
role: ParticipantRole, };

/**
 * Who takes part in a chat.
 */
export type ParticipantId = { "kind": "user", 
/**
 * Which.
 */
id: UserId, } | { "kind": "agent", 
/**
 * Which.
 */
id: AgentId, };

/**
 * What a participant may do in a chat.
 */
export type ParticipantRole = "moderator" | "member";

/**
 * A refusal, as sent in `application/problem+json` bodies and socket frames.
 */
export type Problem = { 
/**
 * Always `about:blank`: the code says it all.
 */
type: string, 
/**
 * The code's short name.
 */
title: string, 
/**
 * The HTTP status.
 */
status: number, 
/**
 * What to act on.
 */
code: ProblemCode, 
/**
 * What happened here, for people.
 */
detail?: string, 
/**
 * The field at fault, where there is one.
 */
field?: string, 
/**
 * Seconds to wait before trying again.
 */
retry_after_s?: number, 
/**
 * The request, as in the logs.
 */
request_id?: RequestId, };

/**
 * What went wrong, as a client can act on it. Stable: a code keeps its meaning.
 */
export type ProblemCode = "invalid_body" | "invalid_parameter" | "invalid_field" | "too_large" | "unauthenticated" | "wrong_credentials" | "session_ended" | "not_found" | "forbidden" | "route_not_found" | "method_not_allowed" | "org_context_required" | "org_context_mismatch" | "email_taken" | "name_taken" | "last_owner" | "invitation_for_another" | "invitation_ended" | "message_deleted" | "turn_ended" | "approval_ended" | "not_yours_to_decide" | "sandbox_not_running" | "quota_reached" | "outside_workspace" | "disk_full" | "snapshot_damaged" | "port_closed" | "port_silent" | "access_revoked" | "fork_ended" | "fork_nested" | "version_conflict" | "upload_incomplete" | "archive_blocked" | "archive_damaged" | "limit_reached" | "seq_in_future" | "too_far_behind" | "ticket_invalid" | "upgrade_required" | "rate_limited" | "unavailable" | "not_built" | "internal";

/**
 * What an agent was given for an answer, and what each part of it took.
 */
export type Receipt = { 
/**
 * Tokens that it might have been given.
 */
budget: number, 
/**
 * Tokens that it was given: the provider's own count, shared out over the parts by their length.
 */
tokens: number, 
/**
 * The provider did not count; the tokens are worked out from the length by what was counted before.
 */
estimated?: boolean, 
/**
 * The parts, in the order in which they were given; at most 200, each with what names it.
 */
parts: Array<ReceiptPart>, 
/**
 * Parts that would have belonged and did not fit.
 */
left_out?: number, };

/**
 * What a part of a receipt is.
 */
export type ReceiptKind = "instructions" | "summary" | "message" | "pin" | "fork" | "item" | "file" | "steps";

/**
 * One part of what an agent was given.
 */
export type ReceiptPart = { 
/**
 * What it is; which of the names below it has follows from that.
 */
kind: ReceiptKind, 
/**
 * What it took.
 */
tokens: number, 
/**
 * The message: of `message`, `pin`, `fork` (the summary).
 */
message?: MessageId, 
/**
 * The fork that was resolved: of `fork`.
 */
fork?: ForkId, 
/**
 * The context item: of `item`.
 */
item?: ContextItemId, 
/**
 * The file: of `file`.
 */
attachment?: AttachmentId, 
/**
 * What people call it: the item's title, the file's name, the fork's description.
 */
title?: string, 
/**
 * The events that it covers: of `summary`.
 */
from?: Seq, 
/**
 * The last of them.
 */
to?: Seq, };

/**
 * One request, from the edge through every process it touches. 
 */
export type RequestId = string;

/**
 * How much harm a thing could do. `low` and `medium` happen by themselves; the others ask people.
 */
export type Risk = "low" | "medium" | "high" | "critical";

/**
 * An isolated machine bound to a chat. 
 */
export type SandboxId = string;

/**
 * Why a sandbox failed or was stopped, as one can act on it.
 */
export type SandboxReason = "requested" | "idle" | "executor_unavailable" | "start_failed" | "crash_loop" | "lost" | "quota_reached" | "owner_gone";

/**
 * How large a sandbox is. What each means is in `slipway_domain::sandbox`.
 */
export type SandboxSize = "small" | "medium" | "large";

/**
 * How a sandbox stands. Before it exists there is an approval; who asks for it is in there.
 */
export type SandboxState = "queued" | "starting" | "ready" | "idle" | "stopping" | "stopped" | "destroyed" | "failed";

/**
 * A sandbox as its chat tells of it.
 */
export type SandboxStatus = { 
/**
 * Which.
 */
sandbox: SandboxId, 
/**
 * How it stands.
 */
state: SandboxState, 
/**
 * Grows with every stop, revoke or change of owner; access given under an older one is over.
 */
epoch: number, 
/**
 * Grows with every change of this status; a lower one is old news.
 */
version: number, 
/**
 * How large it is.
 */
size: SandboxSize, 
/**
 * Hosts that it may reach: names, or `*.` and a name for all below it. Nothing else.
 */
hosts: Array<string>, 
/**
 * Why it stopped or failed.
 */
reason?: SandboxReason, 
/**
 * The same for people.
 */
detail?: string, };

/**
 * Whether the person who caused an ask (they asked, or their message made the agent ask) may approve it. Agents never do.
 */
export type SelfApproval = "never" | "when_alone" | "always";

/**
 * Place of an event in its chat's log. The first event is 1; 0 means "before the first".
 */
export type Seq = number;

/**
 * What the server sends.
 */
export type ServerFrame = { "type": "hello", 
/**
 * Who the socket belongs to.
 */
you: UserId, 
/**
 * The newest event.
 */
head: Seq, 
/**
 * Who is here; the first 50 of more.
 */
present: Array<UserId>, 
/**
 * How many are here.
 */
count: number, } | { "type": "events", 
/**
 * At least one.
 */
events: Array<Event>, } | { "type": "done", 
/**
 * The request's `id`.
 */
id: number, 
/**
 * The message.
 */
message: MessageId, 
/**
 * The event that posted it.
 */
seq: Seq, } | { "type": "refused", 
/**
 * The request's `id`, where the frame had one.
 */
id?: number, 
/**
 * Why.
 */
problem: Problem, } | { "type": "delta", 
/**
 * The turn.
 */
turn: TurnId, 
/**
 * Where the text goes.
 */
offset: number, 
/**
 * The text.
 */
text: string, } | { "type": "output", 
/**
 * The turn.
 */
turn: TurnId, 
/**
 * The call, by its name within the turn.
 */
call: string, 
/**
 * Where the text goes.
 */
offset: number, 
/**
 * The text.
 */
text: string, } | { "type": "progress", 
/**
 * The approval.
 */
approval: ApprovalId, 
/**
 * What is being done, or waited for.
 */
text: string, 
/**
 * When that began.
 */
since: Timestamp, } | { "type": "typing", 
/**
 * Who.
 */
user: UserId, 
/**
 * Writing or not.
 */
active: boolean, } | { "type": "presence", 
/**
 * How many are here.
 */
count: number, 
/**
 * Who came.
 */
came?: Array<UserId>, 
/**
 * Who went.
 */
went?: Array<UserId>, 
/**
 * What takes the place of all who were told of before: everybody, or the first 50 of more.
 */
present?: Array<UserId>, } | { "type": "read", 
/**
 * The newest event read.
 */
seq: Seq, };

/**
 * A text frame of a terminal's socket.
 */
export type TerminalControl = { "type": "resize", 
/**
 * Columns.
 */
cols: number, 
/**
 * Rows.
 */
rows: number, } | { "type": "exit", 
/**
 * Its exit code.
 */
code: number, };

/**
 * A point in time: milliseconds since the Unix epoch inside, RFC 3339 in UTC outside (`2026-11-20T08:15:30.123Z`).
 */
export type Timestamp = string;

/**
 * A call of a tool by an agent.
 */
export type ToolCall = { 
/**
 * The model's name for this call; unique within the turn.
 */
id: string, 
/**
 * The tool.
 */
name: string, 
/**
 * The arguments, as JSON.
 */
arguments: unknown, };

/**
 * What a tool answered.
 */
export type ToolResult = { 
/**
 * The call it answers.
 */
id: string, 
/**
 * What the agent is told.
 */
content: string, 
/**
 * The call did not succeed.
 */
is_error: boolean, };

/**
 * Why a turn ended without an answer.
 */
export type TurnFailure = { 
/**
 * What to act on.
 */
code: TurnFailureCode, 
/**
 * For people; never a provider's raw text.
 */
detail: string, };

/**
 * Why a turn ended without an answer, as one can act on it.
 */
export type TurnFailureCode = "too_deep" | "queue_full" | "agent_unavailable" | "not_configured" | "authentication" | "refused" | "context_too_long" | "provider_unavailable" | "too_many_steps" | "interrupted" | "internal";

/**
 * One piece of agent work. 
 */
export type TurnId = string;

/**
 * Tokens used.
 */
export type Usage = { 
/**
 * Tokens the model read.
 */
input_tokens: number, 
/**
 * Tokens the model wrote.
 */
output_tokens: number, };

/**
 * A person with an account. 
 */
export type UserId = string;

/** Sub-protocol of the chat socket. */
export const SOCKET_PROTOCOL = 'slipway.v1';

/** Close codes of the chat socket beyond those of RFC 6455. */
export const CLOSE = {
  badFrame: 4400,
  removed: 4403,
  replaced: 4408,
  resync: 4409,
  deleted: 4410,
} as const;

/** Limits that the app checks before it sends; the server checks them again. */
export const LIMITS = {
  messageBytes: 65536,
  nameChars: 120,
  instructionsBytes: 16384,
  pageDefault: 50,
  pageMax: 200,
  passwordMin: 10,
  passwordMax: 256,
  reasonChars: 500,
  hostsPerSandbox: 50,
  attachmentBytes: 268435456,
  attachmentsPerMessage: 10,
  fileNameBytes: 255,
} as const;
