// Addresses of files. Each works for an hour; one is asked for when a file comes into view or is opened, and again when it is
// about to end.
import type { Attachment } from '#lib/api/events.ts';
import { Refused } from '#lib/api/problem.ts';

export interface Link {
  attachment: Attachment;
  url: string;
  expires_at: string;
}

export interface Ports {
  ask(id: string): Promise<Link>;
  now(): number;
}

/** The org keeps a file no longer; its message still names it. */
export class NoLongerKept extends Error {
  constructor() {
    super('It is no longer kept.');
    this.name = 'NoLongerKept';
  }
}

/** An address that ends sooner than this is not begun with. */
const LEFT_MS = 5 * 60_000;
/** So many are kept; the oldest are let go. */
const MOST = 500;

export class Links {
  #ports: Ports;
  #known = new Map<string, Link>();
  #asked = new Map<string, Promise<Link>>();
  /** What went does not come back, so it is not asked for again. */
  #gone = new Set<string>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** The address of a file, for some minutes at least; with `anew` never one that is known. */
  async url(id: string, anew = false): Promise<string> {
    const known = this.#known.get(id);
    if (known && !anew && Date.parse(known.expires_at) - this.#ports.now() > LEFT_MS) return known.url;
    return (await this.#ask(id)).url;
  }

  /** A file that was asked for and is no longer kept. */
  isGone(id: string): boolean {
    return this.#gone.has(id);
  }

  /** Many that want the same one ask once. */
  #ask(id: string): Promise<Link> {
    if (this.#gone.has(id)) return Promise.reject(new NoLongerKept());
    const asked = this.#asked.get(id);
    if (asked) return asked;
    const asking = this.#ports
      .ask(id)
      .then((link) => {
        this.#known.delete(id);
        this.#known.set(id, link);
        const oldest = this.#known.keys().next().value;
        if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest);
        return link;
      })
      .catch((error: unknown) => {
        if (!(error instanceof Refused) || error.code !== 'not_found') throw error;
        this.#known.delete(id);
        this.#gone.add(id);
        throw new NoLongerKept();
      })
      .finally(() => this.#asked.delete(id));
    this.#asked.set(id, asking);
    return asking;
  }
}
