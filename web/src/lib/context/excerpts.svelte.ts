// What messages say that may lie far back in a chat: from the window where it reaches to them, else asked for one by one.
import { SvelteMap } from 'svelte/reactivity';

import type { Actor, Event } from '#lib/api/events.ts';
import { seqIn } from '#lib/chat/forks.ts';
import type { Room } from '#lib/chat/room.svelte.ts';

export interface Excerpt {
  author: Actor;
  at: string;
  text: string;
  deleted: boolean;
  /** As it was first written: changes between then and the window are not known. */
  first: boolean;
}

/** So many are asked for at the same time. */
const AT_ONCE = 4;

export class Excerpts {
  readonly #room: () => Pick<Room, 'log' | 'version'>;
  readonly #event: (seq: number) => Promise<Event | undefined>;
  /** Null: it could not be read. */
  readonly #read = new SvelteMap<string, Excerpt | null>();
  readonly #asked = new Set<string>();
  #queue: string[] = [];
  #busy = 0;

  /** `event` gives one event of the chat. */
  constructor(room: () => Pick<Room, 'log' | 'version'>, event: (seq: number) => Promise<Event | undefined>) {
    this.#room = room;
    this.#event = event;
  }

  /** Undefined: on its way. Null: not to be had. */
  of(id: string): Excerpt | null | undefined {
    void this.#room().version;
    const { log } = this.#room();
    const message = log.messages.get(id);
    if (message) return { ...message, first: false };
    const read = this.#read.get(id);
    if (!read) return read;
    const edit = log.after(0).findLast((event) => event.type === 'message.edited' && event.message === id);
    return edit?.type === 'message.edited' ? { ...read, text: edit.text, first: false } : read;
  }

  /** Has those read that the window does not reach to. */
  want(ids: readonly string[]): void {
    for (const id of ids) {
      if (this.#asked.has(id) || this.#room().log.messages.has(id)) continue;
      this.#asked.add(id);
      this.#queue.push(id);
    }
    while (this.#busy < AT_ONCE && this.#queue.length > 0) void this.#work();
  }

  async #work(): Promise<void> {
    this.#busy += 1;
    for (let id = this.#queue.shift(); id !== undefined; id = this.#queue.shift()) {
      try {
        const event = await this.#event(seqIn(id));
        const found = event?.type === 'message.posted' && event.message === id;
        this.#read.set(id, found ? { author: event.actor, at: event.at, text: event.text, deleted: event.text === '' && !event.attachments?.length, first: true } : null);
      } catch {
        this.#read.set(id, null);
        // Asked for again when it is wanted again.
        this.#asked.delete(id);
      }
    }
    this.#busy -= 1;
  }
}
