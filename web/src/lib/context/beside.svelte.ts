// The context of the chat that is on screen, before its panel was ever opened: what the panel's button counts, and what the
// panel is opened for. The rest is loaded when the chat is there.
import type { Message } from '#lib/chat/log.ts';
import type { Room } from '#lib/chat/room.svelte.ts';

import type { ContextItems } from './items.svelte.ts';

/** An item to show, or a message to write one from; each wish has a number of its own. */
export interface Wish {
  item?: string | undefined;
  message?: Message | undefined;
  round: number;
}

export class Beside {
  items = $state.raw<ContextItems | null>(null);
  at = $state.raw<Wish | null>(null);
  readonly #open: () => Promise<[ContextItems, () => void]>;
  #round = 0;
  #leave: (() => void) | null = null;
  #left = false;

  constructor(org: string, chat: string, room: Room) {
    this.#open = async () => (await import('./open.ts')).openItems(org, chat, room);
  }

  /** Once: the chat may be loaded anew after a failure. */
  async load(): Promise<void> {
    if (this.items || this.#left) return;
    const [items, leave] = await this.#open();
    if (this.items || this.#left) return leave();
    this.items = items;
    this.#leave = leave;
  }

  wish(what: Omit<Wish, 'round'> | null): void {
    this.at = what && { ...what, round: (this.#round += 1) };
  }

  leave(): void {
    this.#left = true;
    this.#leave?.();
  }
}
