// Finding context items on the server: by what they mean where the installation can tell, by their words otherwise. Knows
// nothing of the browser.
import type { ContextItem, FoundItems } from '#lib/api/resources.ts';

/** How items were found, for a badge, and why it was not otherwise. */
export interface How {
  badge: 'by meaning' | 'by words';
  why: string;
}

export function howOf({ semantic }: Pick<FoundItems, 'semantic'>): How {
  if (semantic.state === 'available') return { badge: 'by meaning', why: 'Found by what they mean. What was written in the last minutes may be missing.' };
  const why = {
    no_extension: 'Found by their words: the database of this installation cannot compare meanings.',
    no_model: 'Found by their words: this installation names no model that tells what a text means.',
    provider_failed: 'Found by their words: the model that tells what a text means does not answer now.',
  }[semantic.reason];
  return { badge: 'by words', why: why ?? 'Found by their words.' };
}

/** What was found beside what is shown anyway, as it stands here now; `whole`: all items are here, so others are gone. */
export function beside(found: FoundItems, shown: ContextItem[], known: ContextItem[], whole: boolean): ContextItem[] {
  const there = new Set(shown.map((item) => item.id));
  return found.items.flatMap(({ item }) => {
    if (there.has(item.id)) return [];
    const now = known.find((one) => one.id === item.id);
    return now ? [now] : whole ? [] : [item];
  });
}

/** The last thing that was looked for; an answer to an earlier one is passed over. */
export class ItemSearch {
  found = $state.raw<FoundItems | null>(null);
  error = $state.raw<unknown>(null);
  busy = $state(false);
  readonly #ask: (q: string) => Promise<FoundItems>;
  #round = 0;

  constructor(ask: (q: string) => Promise<FoundItems>) {
    this.#ask = ask;
  }

  async look(q: string): Promise<void> {
    const round = ++this.#round;
    this.busy = true;
    try {
      const found = await this.#ask(q);
      if (round !== this.#round) return;
      this.found = found;
      this.error = null;
    } catch (error) {
      if (round !== this.#round) return;
      this.found = null;
      this.error = error;
    }
    this.busy = false;
  }
}
