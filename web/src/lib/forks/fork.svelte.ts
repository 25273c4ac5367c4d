// One open fork: its own log and outbox. What is live comes from its chat, whose connection it shares; it touches the
// browser only through what it is given.
import type { Attachment, Event } from '#lib/api/events.ts';
import type { EventsPage, Fork } from '#lib/api/resources.ts';
import type { ForkView } from '#lib/chat/forks.ts';
import { ChatLog, type Message, type Turn, keyOf } from '#lib/chat/log.ts';
import { Outbox, type OutboxPorts, type Pending } from '#lib/chat/outbox.ts';
import type { Room, Talk } from '#lib/chat/room.svelte.ts';
import { type Row, rowsOf } from '#lib/chat/rows.ts';

export interface ForkPorts extends Pick<OutboxPorts, 'send' | 'shelf'> {
  events(query: { before?: number; limit: number }): Promise<EventsPage>;
  /** Pages of the chat's forks. */
  list(cursor?: string): Promise<{ items: Fork[]; next_cursor?: string | null }>;
  now(): number;
}

const PAGE = 50;
const LARGE_PAGE = 200;
/** Pages of the list in which a fork is looked for that nothing else tells of. */
const LIST_PAGES = 10;

export class ForkRoom implements Talk {
  state = $state<'loading' | 'ready' | 'failed' | 'gone'>('loading');
  error = $state.raw<unknown>(null);
  pending = $state.raw<readonly Pending[]>([]);
  loadingEarlier = $state(false);
  version = $state(0);
  unreadFrom: string | null = null;
  onprepend: ((added: number) => void) | null = null;

  readonly fork: string;
  readonly log: ChatLog;
  readonly me: string;
  readonly #room: Room;
  readonly #ports: ForkPorts;
  readonly #outbox: Outbox;
  #stop: (() => void) | null = null;
  #began = $state(false);

  /** The fork itself: its description and how it stands. */
  readonly view: ForkView | undefined = $derived.by(() => {
    void this.version;
    void this.#room.version;
    return this.#room.log.forks.views.get(this.fork) ?? this.log.forks.views.get(this.fork);
  });
  readonly rows: Row[] = $derived.by(() => {
    void this.version;
    return rowsOf(this.log, null);
  });
  readonly openTurns: Turn[] = $derived.by(() => {
    void this.version;
    return this.log.openTurns.filter((turn) => !turn.message || !this.log.messages.has(turn.message));
  });

  constructor(room: Room, fork: string, ports: ForkPorts) {
    this.fork = fork;
    this.me = room.me;
    this.log = new ChatLog(fork);
    this.#room = room;
    this.#ports = ports;
    this.#outbox = new Outbox({ send: ports.send, shelf: ports.shelf, changed: (list) => (this.pending = list) });
  }

  async open(): Promise<void> {
    this.state = 'loading';
    this.#stop?.();
    // From here on nothing is missed; what came before the page is passed over as known.
    const meanwhile: Event[] = [];
    let loaded = false;
    this.#stop = this.#room.watch((events) => {
      if (loaded) this.#add(events);
      else meanwhile.push(...events);
    });
    try {
      const page = await this.#ports.events({ limit: PAGE });
      this.log.seed({
        participants: this.#room.participants,
        open_turns: this.#room.log.openTurnsOf(this.fork).map((turn) => ({
          id: turn.id,
          agent: turn.agent ?? '',
          state: turn.state,
          fork: this.fork,
        })),
      });
      this.log.append(page.events);
      this.#began ||= page.events.length < PAGE || begins(page.events);
      if (!this.#room.log.forks.views.has(this.fork)) await this.#lookUp();
      loaded = true;
      this.#add([...this.#room.log.after(this.log.last), ...meanwhile]);
      this.version += 1;
      this.#outbox.settle(this.#clientIds(page.events));
      this.state = this.view ? 'ready' : 'gone';
      this.flush();
    } catch (error) {
      this.error = error;
      this.state = 'failed';
      this.close();
    }
  }

  close(): void {
    this.#stop?.();
    this.#stop = null;
  }

  /** Sends what waited for a connection. */
  flush(): void {
    if (this.state === 'ready') this.#outbox.flush();
  }

  get title(): string {
    return this.view?.description ?? '';
  }
  get defaultAgent() {
    return this.#room.defaultAgent;
  }
  get participants() {
    return this.#room.participants;
  }
  get streams() {
    return this.#room.streams;
  }
  get unfolded() {
    return this.#room.unfolded;
  }

  get outputs() {
    return this.#room.outputs;
  }
  get progress() {
    return this.#room.progress;
  }
  get openQuestions() {
    return this.#room.openQuestions;
  }
  get role() {
    return this.#room.role;
  }
  get sandbox() {
    return this.#room.sandbox;
  }
  /** Forks do not count what is unread. */
  get unread(): number {
    return 0;
  }
  get hasEarlier(): boolean {
    return !this.#began;
  }

  async loadEarlier(limit = PAGE): Promise<void> {
    if (this.loadingEarlier || this.#began) return;
    this.loadingEarlier = true;
    try {
      const page = await this.#ports.events({ before: this.log.first, limit });
      const before = this.rows.length;
      this.log.prepend(page.events);
      this.#began = page.events.length < limit || begins(page.events);
      this.version += 1;
      this.onprepend?.(this.rows.length - before);
    } finally {
      this.loadingEarlier = false;
    }
  }

  async reach(seq: number, stop: () => boolean = () => false): Promise<boolean> {
    while (!this.#began && this.log.first > seq && !stop()) {
      const first = this.log.first;
      await this.loadEarlier(LARGE_PAGE);
      if (this.log.first === first) break;
    }
    return this.#began || this.log.first <= seq;
  }

  send(clientId: string, text: string, replyTo?: string, attachments?: readonly Attachment[]): void {
    this.#outbox.add({ clientId, text, replyTo, attachments, at: this.#ports.now() });
  }

  retry(clientId: string): void {
    this.#outbox.retry(clientId);
  }

  discard(clientId: string): void {
    this.#outbox.discard(clientId);
  }

  edit(message: string, text: string): Promise<unknown> {
    return this.#room.edit(message, text);
  }

  remove(message: string): Promise<unknown> {
    return this.#room.remove(message);
  }

  react(message: Message, emoji: string): Promise<unknown> {
    return this.#room.react(message, emoji);
  }

  cancel(turn: string): Promise<unknown> {
    return this.#room.cancel(turn);
  }

  addParticipant(who: { user: string } | { agent: string }): Promise<void> {
    return this.#room.addParticipant(who);
  }

  /** Who writes is told of the chat as a whole, so a fork tells nothing. */
  typed(): void {}

  markRead(): void {}

  nameOf(key: string): string {
    return this.#room.nameOf(key);
  }

  #add(events: Event[]): void {
    // One at a time: an event may be about a message or a turn that comes with it.
    const fresh = events.filter((event) => this.log.concerns(event) && event.seq > this.log.last && this.log.append([event]));
    if (fresh.length === 0) return;
    this.version += 1;
    this.#outbox.settle(this.#clientIds(fresh));
  }

  /** Nothing that is loaded tells of it: the list of forks does. */
  async #lookUp(): Promise<void> {
    let cursor: string | undefined;
    for (let page = 0; page < LIST_PAGES; page += 1) {
      const seq = this.#room.log.last;
      const found = await this.#ports.list(cursor);
      const fork = found.items.find((one) => one.id === this.fork);
      if (fork) return this.#room.takeFork(fork, seq);
      cursor = found.next_cursor ?? undefined;
      if (!cursor) return;
    }
  }

  #clientIds(events: Event[]): Set<string> {
    const own = new Set<string>();
    for (const event of events) {
      if (event.type === 'message.posted' && event.client_id && keyOf(event.actor) === this.me) own.add(event.client_id);
    }
    return own;
  }
}

const begins = (events: Event[]): boolean => events.some((event) => event.type === 'fork.created');
