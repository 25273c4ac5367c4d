// Messages on their way: one at a time, in order, each until the log holds it. A failed one stays, with its text.
import type { Attachment } from '#lib/api/events.ts';
import { Refused, Unreachable, explain } from '#lib/api/problem.ts';
import type { Posted } from '#lib/api/resources.ts';

export interface Pending {
  clientId: string;
  text: string;
  replyTo?: string | undefined;
  /** Files that come with it, all on the server. */
  attachments?: readonly Attachment[] | undefined;
  /** When it was written, milliseconds since 1970. */
  at: number;
  /** `waiting`: no connection, goes out by itself. `sent`: accepted, its event is still to come. */
  state: 'sending' | 'waiting' | 'failed' | 'sent';
  /** Why it failed, for people. */
  why?: string | undefined;
}

/** Where texts are kept over a reload. */
export interface Shelf {
  read(): string | null;
  write(text: string | null): void;
}

export interface OutboxPorts {
  send(message: Pick<Pending, 'clientId' | 'text' | 'replyTo' | 'attachments'>): Promise<Posted>;
  shelf: Shelf;
  changed(list: readonly Pending[]): void;
}

export class Outbox {
  list: readonly Pending[] = [];
  #ports: OutboxPorts;
  #busy = false;

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
    this.#set(restore(ports.shelf.read()));
  }

  /** Takes a message and sends it. */
  add(message: Pick<Pending, 'clientId' | 'text' | 'replyTo' | 'attachments' | 'at'>): void {
    this.#set([...this.list, { ...message, state: 'sending' }]);
    void this.#run();
  }

  /** Sends what waits for a connection. */
  flush(): void {
    this.#set(this.list.map((one) => (one.state === 'waiting' ? { ...one, state: 'sending' } : one)));
    void this.#run();
  }

  /** Sends a failed one again: the same message, so it cannot come twice. */
  retry(clientId: string): void {
    this.#change(clientId, { state: 'sending', why: undefined });
    void this.#run();
  }

  discard(clientId: string): void {
    this.#set(this.list.filter((one) => one.clientId !== clientId));
  }

  /** The log holds these now. */
  settle(clientIds: ReadonlySet<string>): void {
    if (this.list.some((one) => clientIds.has(one.clientId))) {
      this.#set(this.list.filter((one) => !clientIds.has(one.clientId)));
    }
  }

  async #run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      let next: Pending | undefined;
      while ((next = this.list.find((one) => one.state === 'sending'))) {
        await this.#send(next);
      }
    } finally {
      this.#busy = false;
    }
  }

  async #send(message: Pending): Promise<void> {
    try {
      await this.#ports.send(message);
      this.#change(message.clientId, { state: 'sent' });
    } catch (error) {
      if (error instanceof Unreachable) {
        // Those behind it wait too, or they would overtake it.
        this.#set(this.list.map((one) => (one.state === 'sending' ? { ...one, state: 'waiting' } : one)));
      } else {
        const why = error instanceof Refused ? explain(error) : 'It could not be sent.';
        this.#change(message.clientId, { state: 'failed', why });
      }
    }
  }

  #change(clientId: string, change: Partial<Pending>): void {
    this.#set(this.list.map((one) => (one.clientId === clientId ? { ...one, ...change } : one)));
  }

  #set(list: readonly Pending[]): void {
    this.list = list;
    this.#ports.shelf.write(list.length === 0 ? null : JSON.stringify(list));
    this.#ports.changed(list);
  }
}

/** What was on its way when the page closed goes out again; the server knows what it has by the client id. */
function restore(text: string | null): Pending[] {
  try {
    const kept = JSON.parse(text ?? '[]') as Pending[];
    return kept.map((one) => (one.state === 'failed' ? one : { ...one, state: 'waiting' as const }));
  } catch {
    return [];
  }
}
