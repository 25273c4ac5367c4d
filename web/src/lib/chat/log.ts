// A window of a chat's log, always reaching to the newest event known, folded into what is shown: messages with their
// edits and reactions, turns with their tools, questions with their answers, sandboxes, names. A window that ends at the head folds to the right states, because
// all that changes a message comes after it.
//
// Folded values are never changed in place: a change makes a new value, so that what is drawn knows what to redraw.
import type { Actor, AgentId, Attachment, Event, Receipt, ToolCall, ToolResult, TurnFailure, Usage } from '#lib/api/events.ts';
import type { Chat, Fork, OpenTurn, Participant, SandboxStatus, TurnState } from '#lib/api/resources.ts';

import { type Question, folded, fromList, holdsTurn } from './approvals.ts';
import { Forks, seqIn } from './forks.ts';
import { Pins } from './pins.ts';
import { Sandboxes } from './sandboxes.ts';

export interface Reaction {
  emoji: string;
  /** Keys of those who reacted, in order. */
  by: string[];
}

export interface Message {
  id: string;
  seq: number;
  at: string;
  author: Actor;
  text: string;
  clientId?: string | undefined;
  replyTo?: string | undefined;
  turn?: string | undefined;
  /** The answer was stopped before its end. */
  partial: boolean;
  deleted: boolean;
  editedAt?: string | undefined;
  /** Files that came with it. */
  attachments?: readonly Attachment[] | undefined;
  /** People whom it names, or whose message it answers. */
  mentions?: readonly string[] | undefined;
  reactions: Reaction[];
}

export interface ToolUse {
  call: ToolCall;
  at: string;
  result?: ToolResult | undefined;
  endedAt?: string | undefined;
  /** The org keeps no longer what it was given, nor what it answered. */
  forgotten?: boolean | undefined;
}

export interface Turn {
  id: string;
  agent: AgentId | null;
  cause?: string | undefined;
  /** The fork that it works in. */
  fork?: string | undefined;
  state: TurnState;
  attempt: number;
  queuedAt?: string | undefined;
  startedAt?: string | undefined;
  endedAt?: string | undefined;
  tools: ToolUse[];
  message?: string | undefined;
  model?: string | undefined;
  usage?: Usage | undefined;
  failure?: TurnFailure | undefined;
  /** What the agent was given for its answer. */
  receipt?: Receipt | undefined;
  /** It brings the chat's summary up to date, and says nothing. */
  summary?: boolean | undefined;
  summarised?: Summarised | undefined;
}

/** What a summary covers and says. */
export interface Summarised {
  from: number;
  to: number;
  /** Empty once a message that it covers was deleted. */
  text: string;
  /** A message that it covers was changed since: agents are given it no more. */
  stale: boolean;
}

export type NoticeEvent = Extract<
  Event,
  {
    type:
      | 'chat.created'
      | 'chat.renamed'
      | 'chat.default_agent_set'
      | 'participant.joined'
      | 'participant.left'
      | 'fork.created'
      | 'fork.resolved'
      | 'fork.abandoned';
  }
>;

/** What agents and people did beside talking, each with a row of its own. */
export type Happening = Extract<
  Event,
  { type: 'approval.requested' | 'sandbox.changed' | 'preview.opened' | 'artifact.saved' }
>;

/** What has a place in the list of messages. */
export type Entry =
  | { kind: 'message'; seq: number; id: string }
  | { kind: 'happening'; seq: number; event: Happening; news: SandboxNews | undefined }
  | { kind: 'notice'; seq: number; event: NoticeEvent }
  | { kind: 'turn'; seq: number; id: string }
  | { kind: 'summary'; seq: number; id: string };

/** What about a sandbox is worth a line. */
export type SandboxNews = 'queued' | 'ready' | 'stopped' | 'destroyed' | 'failed' | 'revoked' | 'hosts';

export interface Name {
  name: string;
  slug?: string | null | undefined;
}

/** One text for whoever did something: the id, or `system`. */
export const keyOf = (actor: Actor): string => (actor.kind === 'system' ? 'system' : actor.id);

/** The log of the chat itself, or of the fork `scope`: what belongs to the other is passed over. A fork's log has gaps. */
export class ChatLog {
  readonly scope: string | undefined;
  forks = new Forks();
  pins = new Pins();
  messages = new Map<string, Message>();
  turns = new Map<string, Turn>();
  questions = new Map<string, Question>();
  sandboxes = new Sandboxes();
  entries: Entry[] = [];
  names = new Map<string, Name>();
  #events: Event[] = [];
  #seeded: OpenTurn[] = [];
  #asked: Question[] = [];
  /** Sandboxes as the events of this window tell of them. */
  #told = new Map<string, SandboxStatus>();
  #described: { fork: Fork; seq: number }[] = [];

  constructor(scope?: string) {
    this.scope = scope;
  }

  /** The oldest event here; 0 when there is none. */
  get first(): number {
    return this.#events[0]?.seq ?? 0;
  }

  /** The newest event here; 0 when there is none. */
  get last(): number {
    return this.#events.at(-1)?.seq ?? 0;
  }

  /** What was open when the chat was described; it may have begun before this window. */
  seed(chat: Pick<Chat, 'open_turns' | 'participants'> & Partial<Pick<Chat, 'open_approvals' | 'open_forks' | 'pins' | 'sandbox' | 'head'>>): void {
    this.#seeded = chat.open_turns;
    this.#asked = (chat.open_approvals ?? []).map(fromList);
    for (const participant of chat.participants) this.#name(participant);
    for (const question of this.#asked) this.questions.set(question.id, question);
    for (const turn of chat.open_turns) this.#seedTurn(turn);
    if (chat.sandbox) this.sandboxes.take(chat.sandbox, chat.head ?? 0);
    for (const fork of chat.open_forks ?? []) this.takeFork(fork, chat.head ?? 0);
    if (chat.pins) this.pins.take(chat.pins, chat.head ?? 0);
  }

  /** A fork as it stood when the newest event was `seq`. */
  takeFork(fork: Fork, seq: number): void {
    this.#described = [...this.#described.filter((one) => one.fork.id !== fork.id), { fork, seq }];
    this.forks.take(fork, seq);
  }

  /** The events after `seq`, as far as they are here. */
  after(seq: number): Event[] {
    return this.#events.filter((event) => event.seq > seq);
  }

  /** Whether an event belongs to this log. */
  concerns(event: Event): boolean {
    if (this.scope === undefined) return true;
    if ('fork' in event && event.fork !== undefined) return event.fork === this.scope;
    if ('turn' in event && event.turn !== undefined && this.turns.has(event.turn)) return true;
    switch (event.type) {
      case 'message.edited':
      case 'message.deleted':
      case 'reaction.added':
      case 'reaction.removed':
        return this.messages.has(event.message);
      case 'approval.voted':
      case 'approval.closed':
      case 'approval.carried_out':
        return this.questions.has(event.approval);
      default:
        return false;
    }
  }

  /** Adds newer events. What is here already is passed over. False: some are missing in between, nothing was added. */
  append(events: readonly Event[]): boolean {
    const fresh = events.filter((event) => event.seq > this.last);
    const start = this.last;
    if (this.scope === undefined && start !== 0 && fresh.some((event, index) => event.seq !== start + 1 + index)) return false;
    for (const event of fresh) {
      this.#events.push(event);
      this.#fold(event);
    }
    return true;
  }

  /** Adds older events, which must end right before the first one here. False: they do not, nothing was added. */
  prepend(events: readonly Event[]): boolean {
    const fresh = events.filter((event) => event.seq < this.first);
    if (fresh.length === 0) return true;
    if (this.scope === undefined && fresh.at(-1)?.seq !== this.first - 1) return false;
    const before = { messages: this.messages, turns: this.turns, questions: this.questions };
    this.#events = [...fresh, ...this.#events];
    this.messages = new Map();
    this.turns = new Map();
    this.questions = new Map(this.#asked.map((question) => [question.id, question]));
    this.#told = new Map();
    this.forks = new Forks();
    for (const { fork, seq } of this.#described) this.forks.take(fork, seq);
    this.entries = [];
    for (const event of this.#events) this.#fold(event);
    for (const turn of this.#seeded) this.#seedTurn(turn);
    // What came out equal stays the same value, so that only what changed is drawn again.
    keepEqual(this.messages, before.messages);
    keepEqual(this.turns, before.turns);
    keepEqual(this.questions, before.questions);
    return true;
  }

  /** Turns that have not ended and will say something, oldest first. */
  get openTurns(): Turn[] {
    return [...this.turns.values()].filter((turn) => isOpen(turn) && !turn.summary && turn.fork === this.scope);
  }

  /** Turns of a fork that have not ended, oldest first. */
  openTurnsOf(fork: string): Turn[] {
    return [...this.turns.values()].filter((turn) => isOpen(turn) && turn.fork === fork);
  }

  /** Questions that nobody has decided, oldest first. */
  get openQuestions(): Question[] {
    return [...this.questions.values()].filter((question) => question.state === 'open');
  }

  #fold(event: Event): void {
    this.forks.fold(event);
    this.pins.fold(event);
    if (!this.concerns(event)) return;
    switch (event.type) {
      case 'message.posted': {
        if (event.fork !== this.scope) {
          // Its turn is known from it even where the beginning of the turn is not here.
          if (event.turn) {
            this.#turn(event.turn, event.actor, (turn) => ({ ...turn, fork: event.fork, message: event.message }));
          }
          break;
        }
        this.messages.set(event.message, {
          id: event.message,
          seq: event.seq,
          at: event.at,
          author: event.actor,
          text: event.text,
          clientId: event.client_id,
          replyTo: event.reply_to,
          turn: event.turn,
          partial: event.partial ?? false,
          deleted: false,
          attachments: event.attachments,
          mentions: event.mentions,
          reactions: [],
        });
        this.entries.push({ kind: 'message', seq: event.seq, id: event.message });
        if (event.turn) {
          this.#turn(event.turn, event.actor, (turn) => ({ ...turn, fork: event.fork, message: event.message }));
        }
        break;
      }
      case 'message.edited':
        this.#message(event.message, (message) =>
          message.deleted ? message : { ...message, text: event.text, editedAt: event.at },
        );
        this.#outdate(event.message, false);
        break;
      case 'message.deleted':
        this.#message(event.message, (message) => ({ ...message, text: '', deleted: true, attachments: undefined, reactions: [] }));
        this.#outdate(event.message, true);
        break;
      case 'reaction.added':
        this.#message(event.message, (message) => ({
          ...message,
          reactions: withReaction(message.reactions, event.emoji, keyOf(event.actor), true),
        }));
        break;
      case 'reaction.removed':
        this.#message(event.message, (message) => ({
          ...message,
          reactions: withReaction(message.reactions, event.emoji, keyOf(event.actor), false),
        }));
        break;
      case 'turn.queued':
        this.turns.set(event.turn, {
          id: event.turn,
          agent: event.agent,
          cause: event.cause,
          fork: event.fork,
          state: 'queued',
          attempt: 0,
          queuedAt: event.at,
          tools: [],
          ...(event.summary ? { summary: true } : {}),
        });
        break;
      case 'turn.started':
        this.#turn(event.turn, event.actor, (turn) => ({
          ...turn,
          state: 'running',
          attempt: event.attempt,
          startedAt: turn.startedAt ?? event.at,
        }));
        break;
      case 'turn.tool_called':
        this.#turn(event.turn, event.actor, (turn) => ({
          ...turn,
          tools: [
            ...turn.tools.filter((use) => use.call.id !== event.call.id),
            { call: event.call, at: event.at, ...(event.forgotten ? { forgotten: true } : {}) },
          ],
        }));
        break;
      case 'turn.tool_returned':
        this.#turn(event.turn, event.actor, (turn) => ({
          ...turn,
          tools: turn.tools.map((use) =>
            use.call.id === event.result.id ? { ...use, result: event.result, endedAt: event.at } : use,
          ),
        }));
        this.#goOn(event.turn);
        break;
      case 'turn.completed':
        this.#turn(event.turn, event.actor, (turn) => ({
          ...turn,
          state: 'completed',
          endedAt: event.at,
          message: event.message,
          model: event.model,
          usage: event.usage,
          receipt: event.receipt,
        }));
        break;
      case 'turn.summarised':
        this.#turn(event.turn, event.actor, (turn) => ({
          ...turn,
          state: 'completed',
          endedAt: event.at,
          model: event.model,
          usage: event.usage,
          summary: true,
          summarised: { from: event.from, to: event.to, text: event.text, stale: event.text === '' },
        }));
        this.entries.push({ kind: 'summary', seq: event.seq, id: event.turn });
        break;
      case 'turn.failed':
        this.#turn(event.turn, event.actor, (turn) => ({
          ...turn,
          state: 'failed',
          endedAt: event.at,
          failure: event.failure,
        }));
        this.#endedTurn(event.turn, event.seq);
        break;
      case 'turn.cancelled':
        this.#turn(event.turn, event.actor, (turn) => ({
          ...turn,
          state: 'cancelled',
          endedAt: event.at,
          message: event.message ?? turn.message,
        }));
        // With a message, that message shows that it was stopped.
        if (!event.message) this.#endedTurn(event.turn, event.seq);
        break;
      case 'approval.requested':
        this.questions.set(event.approval, folded(undefined, event)!);
        if (event.turn) this.#turn(event.turn, event.actor, (turn) => (isOpen(turn) ? { ...turn, state: 'waiting' } : turn));
        // What waits for people has its card in the chat itself, wherever it was asked.
        if (this.scope === undefined) this.entries.push({ kind: 'happening', seq: event.seq, event, news: undefined });
        break;
      case 'approval.voted':
      case 'approval.closed':
      case 'approval.carried_out': {
        const question = folded(this.questions.get(event.approval), event);
        if (!question) break;
        this.questions.set(event.approval, question);
        if (question.turn) this.#goOn(question.turn);
        break;
      }
      case 'sandbox.changed': {
        const { status } = event;
        const before = this.#told.get(status.sandbox);
        this.sandboxes.take(status, event.seq);
        if (before && before.version >= status.version) break;
        this.#told.set(status.sandbox, status);
        const news = newsOf(before, status);
        if (news) this.entries.push({ kind: 'happening', seq: event.seq, event, news });
        break;
      }
      case 'preview.opened':
      case 'artifact.saved':
        this.entries.push({ kind: 'happening', seq: event.seq, event, news: undefined });
        break;
      case 'participant.joined':
        this.#name(event.participant);
        this.entries.push({ kind: 'notice', seq: event.seq, event });
        break;
      case 'fork.resolved':
        // In the chat itself its summary follows, which says so.
        if (this.scope !== undefined) this.entries.push({ kind: 'notice', seq: event.seq, event });
        break;
      case 'fork.created':
      case 'fork.abandoned':
      case 'chat.created':
      case 'chat.renamed':
      case 'chat.default_agent_set':
      case 'participant.left':
        this.entries.push({ kind: 'notice', seq: event.seq, event });
        break;
      default:
        // A kind of event that is newer than this page: it has its place in the order and nothing to show.
        break;
    }
  }

  /** A turn of this log that ended without an answer. That a summary was not brought up to date is no news to people. */
  #endedTurn(id: string, seq: number): void {
    const turn = this.turns.get(id);
    if (turn?.fork === this.scope && !turn?.summary) this.entries.push({ kind: 'turn', seq, id });
  }

  #name(participant: Participant): void {
    this.names.set(participant.id.id, { name: participant.name, slug: participant.slug });
  }

  #message(id: string, change: (message: Message) => Message): void {
    const message = this.messages.get(id);
    // A message before the window: the change shows once the window reaches it.
    if (message) this.messages.set(id, change(message));
  }

  /** A message was changed: summaries that cover it are no longer given, and may quote it if it was deleted. */
  #outdate(id: string, deleted: boolean): void {
    const seq = this.messages.get(id)?.seq ?? seqIn(id);
    // Within the window, what is no message here is one of a fork, which no summary covers.
    if (!this.messages.has(id) && !(seq < this.first)) return;
    for (const turn of this.turns.values()) {
      const { summarised } = turn;
      if (!summarised || seq < summarised.from || seq > summarised.to) continue;
      const text = deleted ? '' : summarised.text;
      this.turns.set(turn.id, { ...turn, summarised: { ...summarised, text, stale: true } });
    }
  }

  #turn(id: string, actor: Actor, change: (turn: Turn) => Turn): void {
    const seeded = this.#seeded.find((turn) => turn.id === id);
    const agent = seeded?.agent ?? (actor.kind === 'agent' ? actor.id : null);
    const turn = this.turns.get(id) ?? { id, agent, fork: seeded?.fork ?? this.scope, state: 'running' as const, attempt: 1, tools: [], ...(seeded?.summary ? { summary: true } : {}) };
    this.turns.set(id, change(turn));
  }

  /** A turn that waited works again, unless something else holds it. */
  #goOn(id: string): void {
    const turn = this.turns.get(id);
    if (turn?.state !== 'waiting') return;
    const held = [...this.questions.values()].some((question) => question.turn === id && holdsTurn(question));
    if (!held) this.turns.set(id, { ...turn, state: 'running' });
  }

  #seedTurn(open: OpenTurn): void {
    if (this.turns.has(open.id)) return;
    this.turns.set(open.id, { id: open.id, agent: open.agent, fork: open.fork ?? undefined, state: open.state, attempt: 1, tools: [], ...(open.summary ? { summary: true } : {}) });
  }
}

export const isOpen = (turn: Turn): boolean =>
  turn.state === 'queued' || turn.state === 'running' || turn.state === 'waiting';

/** The first message of others after the event `read`. */
export function firstUnread(log: ChatLog, read: number, me: string): Message | undefined {
  for (const message of log.messages.values()) {
    if (message.seq > read && !message.deleted && keyOf(message.author) !== me) return message;
  }
  return undefined;
}

function newsOf(before: SandboxStatus | undefined, now: SandboxStatus): SandboxNews | undefined {
  switch (now.state) {
    case 'queued':
    case 'stopped':
    case 'destroyed':
    case 'failed':
      return before?.state === now.state ? undefined : now.state;
    case 'ready':
    case 'idle':
      // That nobody uses it, and that somebody does again, is no news.
      if (!before || (before.state !== 'ready' && before.state !== 'idle')) return 'ready';
      if (now.epoch > before.epoch) return 'revoked';
      return now.hosts.length > before.hosts.length ? 'hosts' : undefined;
    case 'starting':
    case 'stopping':
      return undefined;
    default:
      // A state that is newer than this page.
      return undefined;
  }
}

function withReaction(reactions: Reaction[], emoji: string, who: string, on: boolean): Reaction[] {
  const present = reactions.some((reaction) => reaction.emoji === emoji);
  if (on && !present) return [...reactions, { emoji, by: [who] }];
  return reactions
    .map((reaction) => {
      if (reaction.emoji !== emoji) return reaction;
      const others = reaction.by.filter((key) => key !== who);
      return { emoji, by: on ? [...others, who] : others };
    })
    .filter((reaction) => reaction.by.length > 0);
}

function keepEqual<T>(now: Map<string, T>, before: Map<string, T>): void {
  for (const [id, value] of now) {
    const old = before.get(id);
    if (old !== undefined && JSON.stringify(old) === JSON.stringify(value)) now.set(id, old);
  }
}
