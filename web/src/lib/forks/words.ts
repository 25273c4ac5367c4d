// Forks in words.
import type { ForkView } from '#lib/chat/forks.ts';
import { viewOf } from '#lib/chat/forks.ts';
import type { Fork, ForkState } from '#lib/api/resources.ts';

export const STATE_LABEL: Record<ForkState, string> = { open: 'Open', resolved: 'Resolved', abandoned: 'Abandoned' };
export const STATE_TONE: Record<ForkState, 'accent' | 'agent' | 'plain'> = { open: 'accent', resolved: 'agent', abandoned: 'plain' };

export const messagesIn = (count: number): string => `${count} message${count === 1 ? '' : 's'}`;

/** The forks of a list and those that the chat tells of: open ones first, then the newest. What the chat tells is newer. */
export function merged(listed: readonly Fork[], known: ReadonlyMap<string, ForkView>): ForkView[] {
  const all = new Map(listed.map((fork) => [fork.id, viewOf(fork)]));
  for (const [id, view] of known) all.set(id, view);
  return [...all.values()].sort(
    (one, other) => Number(other.state === 'open') - Number(one.state === 'open') || Date.parse(other.at) - Date.parse(one.at),
  );
}
