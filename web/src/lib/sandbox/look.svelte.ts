// What the server says of one sandbox, asked for again while somebody looks.
import { untrack } from 'svelte';

import { sandboxes } from '#lib/api/sandboxes.ts';
import type { Sandbox } from '#lib/api/resources.ts';

import { isMoving } from './words.ts';

const EVERY_MS = 5_000;
/** While it starts or stops. */
const SOON_MS = 1_500;

export class SandboxLook {
  sandbox = $state.raw<Sandbox | null>(null);
  error = $state.raw<unknown>(null);
  /** Share of its CPUs in use between the last two looks. */
  cpu = $state<number | null>(null);

  readonly id: string;
  #org: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last: { at: number; ms: number } | null = null;
  #closed = false;
  #round = 0;

  constructor(org: string, id: string) {
    this.#org = org;
    this.id = id;
  }

  /** Looks at once, then again and again until `close`. */
  look(): Promise<void> {
    return untrack(() => this.#look());
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** An answer that came another way. */
  take(sandbox: Sandbox): void {
    // What the executor sees comes with a look alone.
    this.sandbox = { ...sandbox, live: sandbox.live ?? null };
    this.error = null;
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer);
    const round = ++this.#round;
    if (document.visibilityState === 'visible') {
      try {
        const answer = await sandboxes.get(this.#org, this.id);
        if (this.#closed || round !== this.#round) return;
        this.take(answer);
        this.#reckon(answer);
      } catch (error) {
        if (this.#closed || round !== this.#round) return;
        this.error = error;
      }
    }
    const soon = this.sandbox !== null && isMoving(this.sandbox.state);
    this.#timer = setTimeout(() => void this.#look(), soon ? SOON_MS : EVERY_MS);
  }

  #reckon({ live }: Sandbox): void {
    const now = Date.now();
    const before = this.#last;
    this.#last = live ? { at: now, ms: live.cpu_ms } : null;
    // A run that began anew counts from 0 again.
    this.cpu = live && before && live.cpu_ms >= before.ms && now > before.at ? (live.cpu_ms - before.ms) / (now - before.at) : null;
  }
}
