// A list of the server, page by page, with the state that a screen draws: loading, ready, failed, more to come.
import { untrack } from 'svelte';

import type { Page } from './api/resources';

/** Items of a page that is asked for without a size, and the most of one page. */
const FIRST = 50;
const MOST = 200;

export class Paged<T> {
  items = $state.raw<T[]>([]);
  state = $state<'idle' | 'loading' | 'ready' | 'failed'>('idle');
  error = $state.raw<unknown>(null);
  loadingMore = $state(false);
  #cursor = $state.raw<string | undefined>(undefined);
  #fetch: (query: { limit?: number; cursor?: string }) => Promise<Page<T>>;
  #round = 0;
  #expired = false;

  constructor(fetch: (query: { limit?: number; cursor?: string }) => Promise<Page<T>>) {
    this.#fetch = fetch;
  }

  get hasMore(): boolean {
    return this.#cursor !== undefined;
  }

  /** Loads the first page unless it is there; keeps what is shown while a reload runs. */
  load(force = false): Promise<void> {
    // Loading reads and sets what an effect that starts it must not depend on.
    return untrack(() => this.#load(force));
  }

  async #load(force: boolean): Promise<void> {
    if (!force && this.state === 'ready' && this.#expired) return this.renew();
    if (!force && (this.state === 'loading' || this.state === 'ready')) return;
    const round = ++this.#round;
    if (this.state !== 'ready') this.state = 'loading';
    try {
      const page = await this.#fetch({});
      if (round !== this.#round) return;
      this.items = page.items;
      this.#cursor = page.next_cursor ?? undefined;
      this.error = null;
      this.state = 'ready';
    } catch (error) {
      if (round !== this.#round) return;
      this.error = error;
      // What is shown stays shown; only a list that never came shows the failure in its place.
      if (this.state !== 'ready') this.state = 'failed';
    }
  }

  /** Loads the next page. */
  async more(): Promise<void> {
    if (!this.#cursor || this.loadingMore) return;
    const round = this.#round;
    this.loadingMore = true;
    try {
      const page = await this.#fetch({ cursor: this.#cursor });
      if (round !== this.#round) return;
      this.items = [...this.items, ...page.items];
      this.#cursor = page.next_cursor ?? undefined;
    } finally {
      this.loadingMore = false;
    }
  }

  /** Loads the whole list, at most `pages` pages of the largest size. */
  loadAll(pages = 10): Promise<void> {
    return untrack(() => this.#loadAll(pages));
  }

  async #loadAll(pages: number): Promise<void> {
    const round = ++this.#round;
    if (this.state !== 'ready') this.state = 'loading';
    try {
      const items: T[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < pages; page += 1) {
        const next = await this.#fetch(cursor === undefined ? { limit: MOST } : { limit: MOST, cursor });
        if (round !== this.#round) return;
        items.push(...next.items);
        cursor = next.next_cursor ?? undefined;
        if (!cursor) break;
      }
      this.items = items;
      this.#cursor = cursor;
      this.error = null;
      this.state = 'ready';
    } catch (error) {
      if (round !== this.#round) return;
      this.error = error;
      if (this.state !== 'ready') this.state = 'failed';
    }
  }

  /** Fetches the first page again and keeps the pages after it. Silent: a failure leaves what is shown. */
  async refresh(id: (item: T) => string): Promise<void> {
    if (this.state !== 'ready') return this.load();
    const round = ++this.#round;
    try {
      const page = await this.#fetch({});
      if (round !== this.#round) return;
      if (!page.next_cursor || this.items.length <= page.items.length) {
        this.items = page.items;
        this.#cursor = page.next_cursor ?? undefined;
      } else {
        const fresh = new Set(page.items.map(id));
        this.items = [...page.items, ...this.items.filter((item) => !fresh.has(id(item)))];
      }
      this.error = null;
    } catch (error) {
      if (round === this.#round) this.error = error;
    }
  }

  /** Some of what is here may be gone: `load` asks for it again, and shows it meanwhile. */
  expire(): void {
    this.#expired = true;
  }

  /** Fetches again as much as is shown, so that what is gone from the server goes. Silent: a failure leaves what is shown. */
  async renew(): Promise<void> {
    if (this.state !== 'ready') return this.load();
    const round = ++this.#round;
    this.#expired = false;
    const shown = this.items.length;
    const limit = Math.min(Math.max(shown, FIRST), MOST);
    try {
      const items: T[] = [];
      let cursor: string | undefined;
      do {
        const page = await this.#fetch(cursor === undefined ? { limit } : { limit, cursor });
        if (round !== this.#round) return;
        items.push(...page.items);
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined && items.length < shown);
      this.items = items;
      this.#cursor = cursor;
      this.error = null;
    } catch (error) {
      if (round !== this.#round) return;
      this.#expired = true;
      this.error = error;
    }
  }

  /** Changes the items in place, as after a write whose answer says what they are now. */
  change(next: (items: T[]) => T[]): void {
    this.items = next(this.items);
  }
}
