// One terminal of a sandbox: ticket → connect → its last output → live → lost → again. The shell lives in the sandbox under
// a name, so a reload or a lost connection finds it as it was. Knows no DOM.
import type { TerminalControl } from '#lib/api/events.ts';
import { Refused } from '#lib/api/problem.ts';

export type TerminalState =
  | { name: 'connecting' }
  | { name: 'open' }
  /** The next try comes by itself. */
  | { name: 'waiting' }
  | { name: 'ended'; code: number }
  | { name: 'failed'; error: unknown };

/** As much of a WebSocket as is used. */
export interface TerminalWire {
  send(data: string | Uint8Array): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((data: string | ArrayBuffer) => void) | null;
  onclose: (() => void) | null;
}

export interface TerminalPorts {
  ticket(): Promise<string>;
  open(ticket: string, terminal: string, cols: number, rows: number): TerminalWire;
  /** Bytes for the screen. */
  write(bytes: Uint8Array): void;
  /** What is on the screen is told anew. */
  reset(): void;
  changed(state: TerminalState): void;
  random(): number;
  after(ms: number, run: () => void): () => void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** After so many tries in vain it is left to the person. */
const TRIES = 8;

export class TerminalSession {
  state: TerminalState = { name: 'waiting' };
  #ports: TerminalPorts;
  #wire: TerminalWire | null = null;
  #stop: (() => void) | null = null;
  #name: string;
  #size = { cols: 80, rows: 24 };
  #tries = 0;
  #attempt = 0;
  #encoder = new TextEncoder();

  constructor(name: string, ports: TerminalPorts) {
    this.#name = name;
    this.#ports = ports;
  }

  get name(): string {
    return this.#name;
  }

  /** Connects, under another name if one is given. */
  start(name = this.#name): void {
    this.#drop();
    this.#name = name;
    this.#tries = 0;
    void this.#connect();
  }

  close(): void {
    this.#drop();
  }

  type(text: string): void {
    if (this.state.name === 'open') this.#wire?.send(this.#encoder.encode(text));
  }

  resize(cols: number, rows: number): void {
    if (cols === this.#size.cols && rows === this.#size.rows) return;
    this.#size = { cols, rows };
    if (this.state.name === 'open') this.#control({ type: 'resize', cols, rows });
  }

  async #connect(): Promise<void> {
    const attempt = ++this.#attempt;
    const current = (): boolean => attempt === this.#attempt;
    this.#to({ name: 'connecting' });
    try {
      const ticket = await this.#ports.ticket();
      if (!current()) return;
      const asked = this.#size;
      const wire = this.#ports.open(ticket, this.#name, asked.cols, asked.rows);
      this.#wire = wire;
      wire.onopen = () => {
        if (!current()) return;
        this.#tries = 0;
        this.#ports.reset();
        this.#to({ name: 'open' });
        if (asked !== this.#size) this.#control({ type: 'resize', ...this.#size });
      };
      wire.onmessage = (data) => {
        if (!current()) return;
        if (typeof data !== 'string') this.#ports.write(new Uint8Array(data));
        else this.#told(data);
      };
      wire.onclose = () => {
        if (current()) this.#wait();
      };
    } catch (error) {
      if (!current()) return;
      // The server said why: trying again would not help. Anything else may pass.
      if (error instanceof Refused && error.problem.status < 500 && error.problem.status !== 429) this.#fail(error);
      else this.#wait(error);
    }
  }

  #told(text: string): void {
    const control = JSON.parse(text) as TerminalControl;
    if (control.type !== 'exit') return;
    this.#drop();
    this.#to({ name: 'ended', code: control.code });
  }

  #wait(error: unknown = null): void {
    this.#drop();
    if (this.#tries >= TRIES) return this.#fail(error);
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#tries);
    this.#tries += 1;
    this.#to({ name: 'waiting' });
    this.#stop = this.#ports.after(longest * (0.5 + this.#ports.random() / 2), () => void this.#connect());
  }

  #fail(error: unknown): void {
    this.#drop();
    this.#to({ name: 'failed', error });
  }

  #control(control: TerminalControl): void {
    this.#wire?.send(JSON.stringify(control));
  }

  #drop(): void {
    this.#attempt += 1;
    this.#stop?.();
    this.#stop = null;
    const wire = this.#wire;
    this.#wire = null;
    wire?.close();
  }

  #to(state: TerminalState): void {
    this.state = state;
    this.#ports.changed(state);
  }
}
