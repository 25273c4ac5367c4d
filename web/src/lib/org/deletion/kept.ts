// What this browser keeps of chats (drafts, messages on their way), and taking it away with them.

/** The part of `localStorage` that is used. */
export type Kept = Pick<Storage, 'length' | 'key' | 'removeItem'>;

const PREFIXES = ['slipway.draft.', 'slipway.outbox.'];

/** Takes away what `user` has kept of a chat, or of everything. */
export function forgetKept(kept: Kept, user: string, chat?: string): void {
  const begins = PREFIXES.map((prefix) => `${prefix}${user}.`);
  const keys = Array.from({ length: kept.length }, (_, index) => kept.key(index) ?? '');
  for (const key of keys) {
    const begin = begins.find((one) => key.startsWith(one));
    if (begin !== undefined && (chat === undefined || key === begin + chat)) kept.removeItem(key);
  }
}
