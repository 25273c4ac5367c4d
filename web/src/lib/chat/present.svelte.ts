// Who is here, as the socket tells it. Of many, only the first are named.
import { SvelteSet } from 'svelte/reactivity';

import type { ServerFrame } from '#lib/api/events.ts';

type Hello = Extract<ServerFrame, { type: 'hello' }>;
type Presence = Extract<ServerFrame, { type: 'presence' }>;

export class Present {
  /** How many are here. */
  count = $state(0);
  readonly #me: string;
  readonly #named = new SvelteSet<string>();

  constructor(me: string) {
    this.#me = me;
  }

  /** Whether somebody is here; undefined where nobody knows: of so many, only some are named. */
  has(user: string): boolean | undefined {
    return this.#named.has(user) || (this.count > this.#named.size ? undefined : false);
  }

  hello(frame: Hello): void {
    this.#name(frame.present);
    // A server from before knows no count, and names everybody.
    this.count = frame.count || this.#named.size;
  }

  take(frame: Presence): void {
    if (frame.present) this.#name(frame.present);
    for (const user of frame.came ?? []) this.#named.add(user);
    for (const user of frame.went ?? []) this.#named.delete(user);
    this.count = frame.count;
  }

  #name(users: readonly string[]): void {
    this.#named.clear();
    for (const user of users) this.#named.add(user);
    this.#named.add(this.#me);
  }
}
