// What is unread in the org's chats, as the server counts it. It is asked with a cursor, so that an answer holds what
// changed and nothing else; of the chat that is open, the page knows better.
import type { Unread, UnreadChat } from '#lib/api/resources.ts';

export interface Counts {
  unread: number;
  /** Of them, those that mention or answer the reader. */
  mentions: number;
}

type Ask = (query: { since?: number; channel?: string }) => Promise<Unread>;

const NONE: Counts = { unread: 0, mentions: 0 };

export class Marks {
  /** Some answer came. */
  known = $state(false);
  #told = $state.raw<ReadonlyMap<string, UnreadChat>>(new Map());
  #own = $state.raw<({ chat: string; channel: string } & Counts) | null>(null);
  #cursor: number | undefined;
  readonly #ask: Ask;

  readonly #channels: ReadonlyMap<string, Counts> = $derived.by(() => {
    const sums = new Map<string, Counts>();
    const own = this.#own;
    for (const one of [...[...this.#told.values()].filter((told) => told.chat !== own?.chat), ...(own ? [own] : [])]) {
      const sum = sums.get(one.channel) ?? NONE;
      sums.set(one.channel, { unread: sum.unread + one.unread, mentions: sum.mentions + one.mentions });
    }
    return sums;
  });

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** What is unread in a channel's chats. */
  in(channel: string): Counts {
    return this.#channels.get(channel) ?? NONE;
  }

  /** Asks what changed, and whether anything did in the chats of `channel`. */
  async ask(channel: string | null): Promise<Unread> {
    const answer = await this.#ask({
      ...(this.#cursor === undefined ? {} : { since: this.#cursor }),
      ...(channel === null ? {} : { channel }),
    });
    const told = new Map(this.#cursor === undefined || answer.anew ? [] : this.#told);
    for (const one of answer.chats) {
      if ((told.get(one.chat)?.version ?? 0) > one.version) continue;
      if (one.unread > 0 || one.mentions > 0) told.set(one.chat, one);
      else told.delete(one.chat);
    }
    this.#cursor = answer.cursor;
    this.#told = told;
    this.known = true;
    return answer;
  }

  /** What the open chat knows of itself, ahead of the server. */
  note(chat: string, channel: string, counts: Counts): void {
    const own = this.#own;
    if (own?.chat === chat && own.unread === counts.unread && own.mentions === counts.mentions) return;
    if (own?.chat !== chat) this.leave();
    this.#own = { chat, channel, ...counts };
  }

  /** Those chats are no more. */
  forget(gone: (one: { chat: string; channel: string }) => boolean): void {
    if (this.#own && gone(this.#own)) this.#own = null;
    this.#told = new Map([...this.#told].filter(([, one]) => !gone(one)));
  }

  /** No chat is open any more: what was known of it holds until the server tells of a change. */
  leave(): void {
    const own = this.#own;
    if (!own) return;
    const told = new Map(this.#told);
    const version = told.get(own.chat)?.version ?? 0;
    if (own.unread > 0 || own.mentions > 0) told.set(own.chat, { ...own, version });
    else told.delete(own.chat);
    this.#told = told;
    this.#own = null;
  }
}
