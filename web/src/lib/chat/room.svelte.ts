// One open chat: joins the log, the socket, the outbox and what is not stored (streams, typing, presence) into the state
// that the screen draws. Touches the browser only through what it is given by `open.ts`.
import { SvelteMap } from 'svelte/reactivity';

import type { Attachment, Event, ServerFrame } from '#lib/api/events.ts';
import { refusedWith } from '#lib/api/problem.ts';
import type { Chat, ChatSummary, EventsPage, Fork, Participant, Posted, SandboxStatus } from '#lib/api/resources.ts';
import { gist } from '#lib/attachments/box.ts';

import type { Question } from './approvals.ts';
import type { ForkView } from './forks.ts';
import { ChatLog, type Message, type Turn, firstUnread, keyOf } from './log.ts';
import { Outputs } from './output.ts';
import { Outbox, type Pending, type Shelf } from './outbox.ts';
import { Present } from './present.svelte.ts';
import { type Row, rowsOf } from './rows.ts';
import { ChatSocket, type Ports, type SocketState } from './socket.ts';
import { Streams } from './stream.ts';
import { OwnTyping, Writers } from './typing.ts';

/** The server, as far as a chat needs it. */
export interface Backend {
  describe(): Promise<Chat>;
  join(): Promise<Chat>;
  events(query: { after?: number; before?: number; limit?: number }): Promise<EventsPage>;
  post(message: Pick<Pending, 'clientId' | 'text' | 'replyTo' | 'attachments'>): Promise<Posted>;
  edit(message: string, text: string): Promise<Posted>;
  remove(message: string): Promise<Posted>;
  react(message: string, emoji: string, on: boolean): Promise<Posted>;
  pin(message: string, on: boolean): Promise<unknown>;
  update(change: { title?: string; default_agent?: string | null }): Promise<Chat>;
  addParticipant(who: { user: string } | { agent: string }): Promise<Chat>;
  removeParticipant(id: string): Promise<void>;
  cancel(turn: string): Promise<unknown>;
}

export interface Surroundings extends Pick<Ports, 'ticket' | 'online' | 'visible' | 'random' | 'after'> {
  me: string;
  backend: Backend;
  openWire: (ticket: string, after: number, protocol: string) => ReturnType<Ports['open']>;
  shelf: Shelf;
  frame: (run: () => void) => void;
  now: () => number;
  /** What the chat's line in its list should say now. */
  summary: (change: Partial<ChatSummary>) => void;
}

const PAGE = 50;
/** Largest page; used when much is to be caught up with. */
const LARGE_PAGE = 200;
/** A lost connection is told of after this long. */
const NOTICE_AFTER_MS = 2_000;
/** A chat that opens for longer than this is on its way back from the archive. */
const LONG_MS = 1_500;
/** Reading is told at most this often. */
const READ_EVERY_MS = 700;

export interface Progress {
  text: string;
  /** When that began. */
  since: string;
}

export class Room {
  state = $state<'loading' | 'ready' | 'failed' | 'gone'>('loading');
  error = $state.raw<unknown>(null);
  /** It has been loading for long. */
  long = $state(false);
  title = $state('');
  defaultAgent = $state<string | null>(null);
  participants = $state.raw<Participant[]>([]);
  connection = $state.raw<SocketState>({ name: 'waiting', tries: 0, damaged: false });
  /** The connection has been gone long enough to say so. */
  cut = $state(false);
  /** It was connected before. An archived chat shows its newest page before it can be. */
  met = $state(false);
  /** The rest of it cannot come back from the archive. */
  damaged = $state(false);
  pending = $state.raw<readonly Pending[]>([]);
  readonly present: Present;
  /** Calls of tools that were opened, by `callKey`: they stay so when the answer becomes a message. */
  readonly unfolded = new Set<string>();
  streams = new SvelteMap<string, string>();
  /** What running tool calls write, by `callKey`. */
  outputs = new SvelteMap<string, string>();
  /** How far what was approved is, by approval. */
  progress = new SvelteMap<string, Progress>();
  writers = $state.raw<string[]>([]);
  loadingEarlier = $state(false);
  /** The first message that was unread on opening; the line stays there until the chat is left. */
  unreadFrom = $state<string | null>(null);
  read = $state(0);
  /** Grows with every change of the log. */
  version = $state(0);

  /** Told how many rows were added in front, before they are drawn. */
  onprepend: ((added: number) => void) | null = null;

  readonly log = new ChatLog();
  /** The chat itself, no fork of it. */
  readonly fork: string | null = null;
  readonly me: string;
  readonly #env: Surroundings;
  readonly #socket: ChatSocket;
  readonly #outbox: Outbox;
  readonly #streams: Streams;
  readonly #outputs: Outputs;
  readonly #writers = new Writers();
  readonly #typing = new OwnTyping();
  readonly #watchers = new Set<(events: Event[]) => void>();
  #stopNotice: (() => void) | null = null;
  #stopRead: (() => void) | null = null;
  #stopWriters: (() => void) | null = null;
  #told = 0;
  #closed = false;

  readonly rows: Row[] = $derived.by(() => {
    void this.version;
    return rowsOf(this.log, this.unreadFrom);
  });
  readonly openTurns: Turn[] = $derived.by(() => {
    void this.version;
    // A turn whose answer is in the log already is drawn as that answer.
    return this.log.openTurns.filter((turn) => !turn.message || !this.log.messages.has(turn.message));
  });
  readonly openQuestions: Question[] = $derived.by(() => {
    void this.version;
    return this.log.openQuestions;
  });
  readonly openForks: ForkView[] = $derived.by(() => {
    void this.version;
    return this.log.forks.open;
  });
  /** The sandbox that the chat's agents work in. */
  readonly sandbox: SandboxStatus | undefined = $derived.by(() => {
    void this.version;
    return this.log.sandboxes.current;
  });
  readonly role = $derived(this.participants.find((one) => one.id.id === this.me)?.role ?? 'member');
  /** Messages of others after what was read. */
  readonly unread: number = $derived.by(() => this.#count(() => true));
  /** Of them, those that mention or answer one. */
  readonly mentions: number = $derived.by(() => this.#count((message) => message.mentions?.includes(this.me) ?? false));

  constructor(env: Surroundings) {
    this.#env = env;
    this.me = env.me;
    this.present = new Present(env.me);
    this.#streams = new Streams(env.frame, (turn, text) => {
      if (text === undefined) this.streams.delete(turn);
      else this.streams.set(turn, text);
    });
    this.#outputs = new Outputs(env.frame, (key, tail) => {
      if (tail === undefined) this.outputs.delete(key);
      else this.outputs.set(key, tail.from > 0 ? `… ${tail.text}` : tail.text);
    });
    this.#outbox = new Outbox({
      send: (message) => env.backend.post(message),
      shelf: env.shelf,
      changed: (list) => (this.pending = list),
    });
    this.#socket = new ChatSocket({
      ticket: env.ticket,
      open: (ticket, protocol) => env.openWire(ticket, this.log.last, protocol),
      catchUp: () => this.#catchUp(),
      frame: (frame) => this.#take(frame),
      changed: (state) => this.#connected(state),
      online: env.online,
      visible: env.visible,
      random: env.random,
      after: env.after,
    });
  }

  /** Describes the chat, loads its newest page, connects. Joins first where the user sees it but takes no part yet. */
  async open(): Promise<void> {
    this.state = 'loading';
    this.long = false;
    const stopLong = this.#env.after(LONG_MS, () => (this.long = true));
    try {
      const [chat, page] = await this.#first().catch(async (error: unknown) => {
        if (!refusedWith(error, 'not_found')) throw error;
        await this.#env.backend.join();
        return this.#first();
      });
      if (this.#closed) return;
      this.log.seed(chat);
      this.log.append(page.events);
      this.#describe(chat);
      this.read = this.#told = chat.read;
      if (chat.unread > 0) await this.#reach(chat.read + 1);
      this.unreadFrom = firstUnread(this.log, chat.read, this.me)?.id ?? null;
      // What happened between the two answers.
      for (const event of page.events) if (event.seq > chat.head) this.#note(event);
      this.version += 1;
      this.state = 'ready';
      this.#outbox.settle(this.#clientIds(page.events));
      this.#summarise();
      this.#socket.start();
      this.#outbox.flush();
    } catch (error) {
      if (this.#closed) return;
      this.error = error;
      this.state = refusedWith(error, 'not_found', 'forbidden') ? 'gone' : 'failed';
    } finally {
      stopLong();
    }
  }

  /** The page is about to go: what is told later by habit is told now. */
  flush(): void {
    this.#stopRead?.();
    this.#stopRead = null;
    this.#tellRead();
  }

  close(): void {
    this.flush();
    this.#closed = true;
    this.#stopNotice?.();
    this.#stopWriters?.();
    this.#socket.close();
  }

  wake(): void {
    this.#socket.wake();
  }

  lose(): void {
    this.#socket.lose();
  }

  /** Somebody deleted it while it was open. */
  get deleted(): boolean {
    return this.connection.name === 'ended' && this.connection.reason === 'deleted';
  }

  get hasEarlier(): boolean {
    void this.version;
    return this.log.first > 1;
  }

  async loadEarlier(limit = PAGE): Promise<void> {
    if (this.loadingEarlier || this.log.first <= 1) return;
    this.loadingEarlier = true;
    try {
      const page = await this.#env.backend.events({ before: this.log.first, limit });
      const before = this.rows.length;
      this.log.prepend(page.events);
      this.version += 1;
      // In the same breath, so that the rows that are drawn stay the same ones.
      this.onprepend?.(this.rows.length - before);
    } finally {
      this.loadingEarlier = false;
    }
  }

  /** Loads back until the event `seq` is here; `stop` ends it early. */
  async reach(seq: number, stop: () => boolean = () => false): Promise<boolean> {
    while (this.log.first > seq && !stop()) {
      const first = this.log.first;
      await this.loadEarlier(LARGE_PAGE);
      if (this.log.first === first) break;
    }
    return this.log.first <= seq;
  }

  send(clientId: string, text: string, replyTo?: string, attachments?: readonly Attachment[]): void {
    this.#outbox.add({ clientId, text, replyTo, attachments, at: this.#env.now() });
    this.typed(true);
  }

  retry(clientId: string): void {
    this.#outbox.retry(clientId);
  }

  discard(clientId: string): void {
    this.#outbox.discard(clientId);
  }

  edit(message: string, text: string): Promise<unknown> {
    return this.#env.backend.edit(message, text);
  }

  remove(message: string): Promise<unknown> {
    return this.#env.backend.remove(message);
  }

  /** Adds or takes back one's own reaction; shown by its event. */
  react(message: Message, emoji: string): Promise<unknown> {
    const mine = message.reactions.find((reaction) => reaction.emoji === emoji)?.by.includes(this.me) ?? false;
    return this.#env.backend.react(message.id, emoji, !mine);
  }

  /** Pins a message for its agents, or takes the pin back; shown by its event. */
  pin(message: string, on: boolean): Promise<unknown> {
    return this.#env.backend.pin(message, on);
  }

  cancel(turn: string): Promise<unknown> {
    return this.#env.backend.cancel(turn);
  }

  async rename(title: string): Promise<void> {
    this.#describe(await this.#env.backend.update({ title }));
  }

  async setDefaultAgent(agent: string | null): Promise<void> {
    this.#describe(await this.#env.backend.update({ default_agent: agent }));
  }

  async addParticipant(who: { user: string } | { agent: string }): Promise<void> {
    this.#describe(await this.#env.backend.addParticipant(who));
  }

  async removeParticipant(id: string): Promise<void> {
    await this.#env.backend.removeParticipant(id);
    this.participants = this.participants.filter((one) => one.id.id !== id);
  }

  /** The composer's text changed. */
  typed(empty: boolean): void {
    const tell = this.#typing.wrote(empty, this.#env.now());
    if (tell !== null) this.#socket.send({ type: 'typing', active: tell });
  }

  /** Everything here was seen. */
  markRead(): void {
    const seq = this.log.last;
    if (seq <= this.read) return;
    this.read = seq;
    this.#summarise();
    this.#stopRead ??= this.#env.after(READ_EVERY_MS, () => {
      this.#stopRead = null;
      this.#tellRead();
    });
  }

  /** Tells of new events, before they are drawn, until the returned function is called. */
  watch(run: (events: Event[]) => void): () => void {
    this.#watchers.add(run);
    return () => void this.#watchers.delete(run);
  }

  /** A fork as the server described it; `seq` is the newest event that was known when it was asked. */
  takeFork(fork: Fork, seq: number): void {
    this.log.takeFork(fork, seq);
    this.version += 1;
  }

  nameOf(key: string): string {
    void this.version;
    return this.log.names.get(key)?.name ?? (key.startsWith('agent_') ? 'Former agent' : 'Former member');
  }

  #count(counts: (message: Message) => boolean): number {
    void this.version;
    let count = 0;
    for (const message of this.log.messages.values()) {
      if (message.seq > this.read && !message.deleted && keyOf(message.author) !== this.me && counts(message)) count += 1;
    }
    return count;
  }

  #tellRead(): void {
    if (this.read > this.#told && this.#socket.send({ type: 'read', seq: this.read })) this.#told = this.read;
  }

  async #first(): Promise<[Chat, EventsPage]> {
    return Promise.all([this.#env.backend.describe(), this.#env.backend.events({ limit: PAGE })]);
  }

  /** One large page back at most: a reader with more unread than that pages on. */
  async #reach(seq: number): Promise<void> {
    if (this.log.first > seq) await this.loadEarlier(LARGE_PAGE);
  }

  async #catchUp(): Promise<void> {
    for (;;) {
      const page = await this.#env.backend.events({ after: this.log.last, limit: LARGE_PAGE });
      this.#add(page.events);
      if (page.events.length === 0 || this.log.last >= page.head) return;
    }
  }

  #take(frame: ServerFrame): void {
    switch (frame.type) {
      case 'hello':
        this.present.hello(frame);
        this.#writers.clear();
        this.#listWriters();
        this.#tellRead();
        break;
      case 'events':
        if (!this.#add(frame.events)) this.#socket.resync();
        break;
      case 'delta':
        if (!this.#streams.take(frame.turn, frame.offset, frame.text)) this.#socket.resync();
        break;
      case 'output':
        this.#outputs.take(frame.turn, frame.call, frame.offset, frame.text);
        break;
      case 'progress':
        this.progress.set(frame.approval, { text: frame.text, since: frame.since });
        break;
      case 'typing':
        if (frame.user === this.me) break;
        this.#writers.hear(frame.user, frame.active, this.#env.now());
        this.#listWriters();
        break;
      case 'presence':
        this.present.take(frame);
        break;
      case 'read':
        this.read = Math.max(this.read, frame.seq);
        this.#told = Math.max(this.#told, frame.seq);
        this.#summarise();
        break;
      case 'done':
      case 'refused':
        // Posts go over REST; a refused typing or read frame changes nothing here.
        break;
      default:
        // A kind of frame that is newer than this page.
        break;
    }
  }

  #add(events: Event[]): boolean {
    const known = this.log.last;
    if (!this.log.append(events)) return false;
    const fresh = events.filter((event) => event.seq > known);
    if (fresh.length === 0) return true;
    for (const event of fresh) this.#note(event);
    for (const tell of this.#watchers) tell(fresh);
    this.version += 1;
    this.#outbox.settle(this.#clientIds(fresh));
    this.#summarise();
    return true;
  }

  /** What an event changes beside the log. */
  #note(event: Event): void {
    switch (event.type) {
      case 'message.posted':
        if (event.turn) this.#endTurn(event.turn);
        this.#writers.hear(keyOf(event.actor), false, this.#env.now());
        this.#listWriters();
        // One's own message was read by oneself.
        if (keyOf(event.actor) === this.me && this.read === event.seq - 1) this.read = event.seq;
        break;
      case 'turn.started':
      case 'turn.failed':
      case 'turn.cancelled':
        this.#endTurn(event.turn);
        break;
      case 'approval.closed':
        if (event.state !== 'approved') this.progress.delete(event.approval);
        break;
      case 'approval.carried_out':
        this.progress.delete(event.approval);
        break;
      case 'chat.renamed':
        this.title = event.title;
        break;
      case 'chat.default_agent_set':
        this.defaultAgent = event.agent;
        break;
      case 'participant.joined':
        this.participants = [
          ...this.participants.filter((one) => one.id.id !== event.participant.id.id),
          event.participant,
        ];
        break;
      case 'participant.left':
        this.participants = this.participants.filter((one) => one.id.id !== event.participant.id);
        break;
      default:
        break;
    }
  }

  /** Its answer is here, or it starts over. */
  #endTurn(turn: string): void {
    this.#streams.drop(turn);
    this.#outputs.drop(turn);
  }

  #describe(chat: Chat): void {
    this.title = chat.title;
    this.defaultAgent = chat.default_agent ?? null;
    this.participants = chat.participants;
  }

  #connected(state: SocketState): void {
    this.connection = state;
    if (state.name === 'live') {
      this.#stopNotice?.();
      this.#stopNotice = null;
      this.cut = this.damaged = false;
      this.met = true;
      this.#outbox.flush();
    } else if (state.name === 'ended') {
      if (state.reason === 'removed' || state.reason === 'deleted') this.state = 'gone';
    } else {
      if (state.name === 'waiting') this.damaged = state.damaged;
      this.#stopNotice ??= this.#env.after(NOTICE_AFTER_MS, () => (this.cut = true));
    }
  }

  #summarise(): void {
    const newest = [...this.log.messages.values()].at(-1);
    this.#env.summary({
      title: this.title,
      unread: this.unread,
      mentions: this.mentions,
      participant: true,
      archived: false,
      ...(newest && !newest.deleted
        ? { preview: gist(newest.text, newest.attachments).slice(0, 140), last_message_at: newest.at }
        : {}),
    });
  }

  #listWriters(): void {
    this.writers = this.#writers.at(this.#env.now());
    this.#stopWriters?.();
    this.#stopWriters = this.writers.length === 0 ? null : this.#env.after(1_000, () => this.#listWriters());
  }

  #clientIds(events: Event[]): Set<string> {
    const own = new Set<string>();
    for (const event of events) {
      if (event.type === 'message.posted' && event.client_id && !event.fork && keyOf(event.actor) === this.me) own.add(event.client_id);
    }
    return own;
  }
}

/** A chat or a fork of it, as far as log, messages and composer know it. */
export type Talk = Pick<
  Room,
  | 'me' | 'fork' | 'title' | 'defaultAgent' | 'participants' | 'pending' | 'streams' | 'outputs' | 'unfolded' | 'progress' | 'loadingEarlier'
  | 'unreadFrom' | 'version' | 'onprepend' | 'log' | 'rows' | 'openTurns' | 'openQuestions' | 'role' | 'unread' | 'hasEarlier'
  | 'loadEarlier' | 'reach' | 'send' | 'retry' | 'discard' | 'edit' | 'remove' | 'react' | 'cancel' | 'typed' | 'markRead'
  | 'nameOf' | 'addParticipant' | 'sandbox' | 'state'
>;
