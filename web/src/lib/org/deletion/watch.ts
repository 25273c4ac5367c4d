// Asks how a deletion goes until it is over: soon at first, then every few seconds, and only while the page is looked at.
import { Refused } from '#lib/api/problem.ts';
import type { Deletion } from '#lib/api/resources.ts';

const FIRST_MS = 400;
const GROWTH = 1.6;
const LONGEST_MS = 4_000;

/** These refusals come again: the report is not for this person any more. */
const FINAL = new Set([401, 403, 404]);

export interface Ports {
  read(): Promise<Deletion>;
  /** How it stands now. */
  took(deletion: Deletion): void;
  /** The report can be read no more; the deletion goes on. */
  lost(error: unknown): void;
  visible(): boolean;
  /** Runs `run` after `ms`; the answer stops that. */
  after(ms: number, run: () => void): () => void;
}

export class Watch {
  readonly #ports: Ports;
  #wait = FIRST_MS;
  #stopTimer: (() => void) | null = null;
  #asking = false;
  #over = false;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  start(): void {
    this.#again();
  }

  stop(): void {
    this.#over = true;
    this.#stopTimer?.();
    this.#stopTimer = null;
  }

  /** The page is looked at again. */
  look(): void {
    if (this.#over || this.#asking || !this.#ports.visible()) return;
    this.#stopTimer?.();
    this.#stopTimer = null;
    void this.#ask();
  }

  #again(): void {
    if (this.#over) return;
    this.#stopTimer = this.#ports.after(this.#wait, () => {
      this.#stopTimer = null;
      // Where nobody looks, the next look asks.
      this.look();
    });
    this.#wait = Math.min(LONGEST_MS, this.#wait * GROWTH);
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    try {
      const deletion = await this.#ports.read();
      if (this.#over) return;
      this.#ports.took(deletion);
      if (deletion.state === 'done') this.stop();
    } catch (error) {
      if (this.#over) return;
      if (error instanceof Refused && FINAL.has(error.problem.status)) {
        this.stop();
        this.#ports.lost(error);
      }
    } finally {
      this.#asking = false;
      this.#again();
    }
  }
}
