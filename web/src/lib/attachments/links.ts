// Addresses of files. Each works for an hour; one is asked for when a file comes into view or is opened, and again when it is
// about to end.
import type { Attachment } from '#lib/api/events.ts';

export interface Link {
  attachment: Attachment;
  url: string;
  expires_at: string;
}

export interface Ports {
  ask(id: string): Promise<Link>;
  now(): number;
}

/** An address that ends sooner than this is not begun with. */
const LEFT_MS = 5 * 60_000;
/** So many are kept; the oldest are let go. */
const MOST = 500;

export class Links {
  #ports: Ports;
  #known = new Map<string, Link>();
  #asked = new Map<string, Promise<Link>>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** The address of a file, for some minutes at least; with `anew` never one that is known. */
  async url(id: string, anew = false): Promise<string> {
    const known = this.#known.get(id);
    if (known && !anew && Date.parse(known.expires_at) - this.#ports.now() > LEFT_MS) return known.url;
    return (await this.#ask(id)).url;
  }

  /** Many that want the same one ask once. */
  #ask(id: string): Promise<Link> {
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
      .finally(() => this.#asked.delete(id));
    this.#asked.set(id, asking);
    return asking;
  }
}
