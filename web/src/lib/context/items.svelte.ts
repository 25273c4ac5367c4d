// The context items of one open chat: those that agents may be given, those that agents propose, and the one that is being
// written. Knows nothing of the browser; `open.ts` gives it the server and timers.
import { refusedWith } from '#lib/api/problem.ts';
import type { ContextItem, ContextState, CreateContextItem, Page, UpdateContextItem } from '#lib/api/resources.ts';
import { Paged } from '#lib/paged.svelte.ts';

import type { Form } from './form.ts';

export interface ItemPorts {
  list(query: { limit?: number; cursor?: string; state?: ContextState }): Promise<Page<ContextItem>>;
  create(body: CreateContextItem): Promise<ContextItem>;
  update(id: string, body: UpdateContextItem): Promise<ContextItem>;
  remove(id: string): Promise<unknown>;
  after(ms: number, run: () => void): () => void;
  /** A dismissal could not be told; the proposal stands again. */
  failed(error: unknown): void;
}

/** What is being written. It outlives the panel, so that closing that loses nothing. */
export interface Writing {
  /** The item as it was when it was opened; none for a new one. */
  item: ContextItem | null;
  form: Form;
  source?: string | undefined;
  /** The same for every try: a request that got lost on its way back makes no second item. */
  clientId: string;
}

/** A dismissal can be taken back for this long; then the server is told. */
export const UNDO_MS = 6_000;
/** Three scopes of 500 items each, in pages of 200. */
const PAGES = 8;

export class ContextItems {
  readonly list: Paged<ContextItem>;
  writing = $state<Writing | null>(null);
  /** Dismissed here; the server is told soon. */
  dismissed = $state.raw<ReadonlySet<string>>(new Set());
  /** Proposals, known before the list is. */
  #early = $state.raw<ContextItem[]>([]);
  /** The last request to show something that the panel followed. */
  followed = 0;
  readonly #ports: ItemPorts;
  readonly #leaving = new Map<string, () => void>();

  readonly proposed: ContextItem[] = $derived.by(() =>
    (this.list.state === 'ready' ? this.list.items : this.#early).filter((item) => item.state === 'proposed'),
  );
  readonly active: ContextItem[] = $derived.by(() => this.list.items.filter((item) => item.state === 'active'));
  /** Proposals that wait for people. */
  readonly waiting: number = $derived.by(() => this.proposed.filter((item) => !this.dismissed.has(item.id)).length);

  constructor(ports: ItemPorts) {
    this.#ports = ports;
    this.list = new Paged((query) => ports.list(query));
  }

  load(): Promise<void> {
    return this.list.loadAll(PAGES);
  }

  /** Looks for proposals. Silent: a failure leaves what is known. */
  async look(): Promise<void> {
    try {
      const { items } = await this.#ports.list({ state: 'proposed', limit: 200 });
      this.#early = items;
      if (this.list.state !== 'ready') return;
      const fresh = new Set(items.map((item) => item.id));
      this.list.change((known) => [...items, ...known.filter((item) => item.state === 'active' && !fresh.has(item.id))]);
    } catch {
      // It is looked for again with the next proposal, or when the panel is opened.
    }
  }

  async create(body: CreateContextItem): Promise<ContextItem> {
    return this.#put(await this.#ports.create(body));
  }

  async update(item: ContextItem, change: UpdateContextItem): Promise<ContextItem> {
    return this.#put(await this.#ports.update(item.id, change));
  }

  /** The item as it stands on the server now; undefined: it is gone. */
  async newest(id: string): Promise<ContextItem | undefined> {
    await this.load();
    if (this.list.error) throw this.list.error;
    return this.list.items.find((item) => item.id === id);
  }

  /** Gives a proposal to agents from now on. */
  async accept(item: ContextItem): Promise<ContextItem> {
    try {
      return await this.update(item, { version: item.version, state: 'active' });
    } catch (error) {
      // Somebody was faster: what stands now is shown instead.
      if (refusedWith(error, 'version_conflict', 'not_found')) await this.load();
      throw error;
    }
  }

  /** Removes a proposal, in a moment: until then it can be taken back. */
  dismiss(item: ContextItem): void {
    if (this.#leaving.has(item.id)) return;
    this.dismissed = new Set([...this.dismissed, item.id]);
    this.#leaving.set(
      item.id,
      this.#ports.after(UNDO_MS, () => void this.#tell(item.id)),
    );
  }

  undo(id: string): void {
    this.#leaving.get(id)?.();
    this.#leaving.delete(id);
    this.#forget(id);
  }

  /** Tells the server what was dismissed, without waiting any longer. */
  flush(): void {
    for (const [id, stop] of [...this.#leaving]) {
      stop();
      void this.#tell(id);
    }
  }

  async remove(item: ContextItem): Promise<void> {
    try {
      await this.#ports.remove(item.id);
    } catch (error) {
      // Somebody was faster.
      if (!refusedWith(error, 'not_found')) throw error;
    }
    this.#drop(item.id);
  }

  async #tell(id: string): Promise<void> {
    this.#leaving.delete(id);
    try {
      await this.#ports.remove(id);
      this.#drop(id);
    } catch (error) {
      if (refusedWith(error, 'not_found')) this.#drop(id);
      else this.#ports.failed(error);
    }
    this.#forget(id);
  }

  #forget(id: string): void {
    this.dismissed = new Set([...this.dismissed].filter((one) => one !== id));
  }

  #drop(id: string): void {
    this.list.change((items) => items.filter((item) => item.id !== id));
    this.#early = this.#early.filter((item) => item.id !== id);
  }

  /** An item as the server answered it: in its place, or in front. */
  #put(item: ContextItem): ContextItem {
    const into = (items: ContextItem[]): ContextItem[] =>
      items.some((one) => one.id === item.id) ? items.map((one) => (one.id === item.id ? item : one)) : [item, ...items];
    this.list.change(into);
    this.#early = into(this.#early);
    return item;
  }
}
