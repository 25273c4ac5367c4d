// Access to one port of a sandbox: asks for a token, renews it before it ends, and knows when access is over. Knows no DOM.
import type { PreviewToken } from '#lib/api/resources.ts';

export interface PreviewPorts {
  token(port: number): Promise<PreviewToken>;
  now(): number;
  /** Runs `run` after `ms`; the answer stops that. */
  after(ms: number, run: () => void): () => void;
}

/** A token is renewed this long before it ends. */
const MARGIN_MS = 3 * 60_000;
const AGAIN_MS = 20_000;

export class PreviewAccess {
  state = $state<'closed' | 'asking' | 'open' | 'failed' | 'over'>('closed');
  error = $state.raw<unknown>(null);
  port = $state(0);
  path = $state('/');
  /** What the frame shows. */
  shown = $state.raw<string | null>(null);
  /** Opened once out of sight, so that the browser takes the new token while the page goes on. */
  renewal = $state.raw<string | null>(null);
  /** Grows with every load of the frame that is wanted. */
  round = $state(0);

  #ports: PreviewPorts;
  #newest = $state.raw<PreviewToken | null>(null);
  #epoch = 0;
  #attempt = 0;
  #stop: (() => void) | null = null;

  constructor(ports: PreviewPorts) {
    this.#ports = ports;
  }

  /** The address with the newest token, for a tab of its own. */
  get link(): string | null {
    return this.#newest ? this.#at(this.#newest.url) : null;
  }

  /** Opens a port; `epoch` is the sandbox's. */
  async open(port: number, epoch: number): Promise<void> {
    if (port !== this.port) this.path = '/';
    this.port = port;
    this.#epoch = epoch;
    this.state = 'asking';
    this.error = null;
    const attempt = ++this.#attempt;
    try {
      const token = await this.#ports.token(port);
      if (attempt !== this.#attempt) return;
      this.#keep(token);
      this.#show();
      this.state = 'open';
    } catch (error) {
      if (attempt !== this.#attempt) return;
      this.error = error;
      this.state = 'failed';
    }
  }

  /** Loads the page anew. */
  reload(): void {
    if (this.state === 'open') this.#show();
  }

  /** Goes to a path of the same port. */
  go(path: string): void {
    this.path = path.startsWith('/') ? path : `/${path}`;
    this.reload();
  }

  /** The sandbox stands under `epoch` now, and is reached or not. */
  follow(epoch: number, usable: boolean): void {
    if (this.state !== 'open' && this.state !== 'asking') return;
    if (epoch > this.#epoch || !usable) this.end();
  }

  /** Access is over: nothing of it stays on the screen. */
  end(): void {
    this.#drop();
    this.state = 'over';
  }

  close(): void {
    this.#drop();
    this.state = 'closed';
  }

  #show(): void {
    if (!this.#newest) return;
    this.shown = this.#at(this.#newest.url);
    this.round += 1;
  }

  #at(url: string): string {
    const address = new URL(url);
    const [path, query = ''] = this.path.split('?', 2) as [string, string?];
    const wanted = new URLSearchParams(query);
    for (const [name, value] of wanted) address.searchParams.append(name, value);
    address.pathname = path;
    return address.href;
  }

  #keep(token: PreviewToken): void {
    this.#newest = token;
    this.#stop?.();
    const rest = Date.parse(token.expires_at) - this.#ports.now() - MARGIN_MS;
    this.#stop = this.#ports.after(Math.max(AGAIN_MS, rest), () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const attempt = this.#attempt;
    try {
      const token = await this.#ports.token(this.port);
      if (attempt !== this.#attempt) return;
      this.#keep(token);
      this.renewal = token.url;
    } catch (error) {
      if (attempt !== this.#attempt) return;
      const ends = Date.parse(this.#newest?.expires_at ?? '');
      if (ends > this.#ports.now()) {
        this.#stop = this.#ports.after(AGAIN_MS, () => void this.#renew());
      } else {
        this.#drop();
        this.error = error;
        this.state = 'failed';
      }
    }
  }

  #drop(): void {
    this.#attempt += 1;
    this.#stop?.();
    this.#stop = null;
    this.#newest = null;
    this.shown = null;
    this.renewal = null;
  }
}
