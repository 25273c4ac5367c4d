// The socket machine: ticket → connect → replay → live → lost → wait → again. Knows no DOM: time, chance and the socket
// itself are given to it.
import { CLOSE, type ClientFrame, SOCKET_PROTOCOL, type ServerFrame } from '#lib/api/events.ts';
import { Refused, refusedWith } from '#lib/api/problem.ts';

export type SocketState =
  | { name: 'connecting'; tries: number }
  | { name: 'live' }
  /** The next try comes by itself. `damaged`: what R2 has of the chat is not what was put there. */
  | { name: 'waiting'; tries: number; damaged: boolean }
  | { name: 'offline' }
  /** Over: not a participant any more, the chat deleted, signed out, or closed from here. */
  | { name: 'ended'; reason: 'removed' | 'deleted' | 'refused' | 'closed' };

/** As much of a WebSocket as is used. */
export interface Wire {
  send(text: string): void;
  close(code?: number): void;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
}

export interface Ports {
  /** A fresh, single-use ticket. */
  ticket(): Promise<string>;
  /** Opens the wire; `after` is the newest event known here. */
  open(ticket: string, protocol: string): Wire;
  /** Fetches over REST what a socket would not replay. */
  catchUp(): Promise<void>;
  frame(frame: ServerFrame): void;
  changed(state: SocketState): void;
  online(): boolean;
  visible(): boolean;
  random(): number;
  /** Runs `run` after `ms`; the answer stops that. */
  after(ms: number, run: () => void): () => void;
}

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 15_000;
const HELLO_WITHIN_MS = 10_000;
const PING_EVERY_MS = 25_000;
const PONG_WITHIN_MS = 10_000;

export class ChatSocket {
  state: SocketState = { name: 'waiting', tries: 0, damaged: false };
  #ports: Ports;
  #wire: Wire | null = null;
  #stops = new Map<string, () => void>();
  #tries = 0;
  /** Grows with every attempt: an answer to an earlier one is not listened to. */
  #attempt = 0;
  #behind = false;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  start(): void {
    void this.#connect();
  }

  /** Ends it for good. */
  close(): void {
    this.#end('closed');
  }

  /** Sends when live; false otherwise. */
  send(frame: ClientFrame): boolean {
    if (this.state.name !== 'live' || !this.#wire) return false;
    this.#wire.send(JSON.stringify(frame));
    return true;
  }

  /** The network is back, or the page is looked at again: do not wait any longer. */
  wake(): void {
    if (this.state.name === 'waiting' || this.state.name === 'offline') void this.#connect();
    else if (this.state.name === 'live') this.#ping();
  }

  /** The network is gone. */
  lose(): void {
    if (this.state.name === 'ended') return;
    this.#drop();
    this.#to({ name: 'offline' });
  }

  /** What came does not fit what is here: catch up, then connect anew. */
  resync(): void {
    if (this.state.name === 'ended') return;
    this.#behind = true;
    this.#drop();
    this.#wait();
  }

  async #connect(): Promise<void> {
    if (this.state.name === 'ended') return;
    this.#drop();
    if (!this.#ports.online()) {
      this.#to({ name: 'offline' });
      return;
    }
    const attempt = ++this.#attempt;
    const current = (): boolean => attempt === this.#attempt;
    this.#to({ name: 'connecting', tries: this.#tries });
    try {
      if (this.#behind) {
        await this.#ports.catchUp();
        if (!current()) return;
        this.#behind = false;
      }
      const ticket = await this.#ports.ticket();
      if (!current()) return;
      this.#listen(this.#ports.open(ticket, SOCKET_PROTOCOL), current);
    } catch (error) {
      if (!current()) return;
      const status = error instanceof Refused ? error.problem.status : 0;
      if (status === 404 || status === 403 || status === 401) this.#end(status === 401 ? 'refused' : 'removed');
      else this.#wait(refusedWith(error, 'archive_damaged'));
    }
  }

  #listen(wire: Wire, current: () => boolean): void {
    this.#wire = wire;
    this.#after('hello', HELLO_WITHIN_MS, () => {
      this.#behind = true;
      this.#drop();
      this.#wait();
    });
    wire.onmessage = ({ data }) => {
      if (!current() || typeof data !== 'string') return;
      this.#stop('pong');
      if (data === 'pong') return;
      const frame = JSON.parse(data) as ServerFrame;
      if (frame.type === 'hello') {
        this.#stop('hello');
        this.#tries = 0;
        this.#to({ name: 'live' });
        this.#beat();
      }
      this.#ports.frame(frame);
    };
    wire.onclose = ({ code }) => {
      if (!current()) return;
      // A browser does not tell why an upgrade was refused; REST does, so ask it first next time.
      if (this.state.name === 'connecting' || code === CLOSE.resync) this.#behind = true;
      this.#drop();
      if (code === CLOSE.removed) this.#end('removed');
      else if (code === CLOSE.deleted) this.#end('deleted');
      else if (!this.#ports.online()) this.#to({ name: 'offline' });
      else this.#wait();
    };
  }

  #beat(): void {
    this.#after('beat', PING_EVERY_MS, () => {
      if (this.#ports.visible()) this.#ping();
      this.#beat();
    });
  }

  #ping(): void {
    if (!this.#wire || this.#stops.has('pong')) return;
    this.#wire.send('ping');
    this.#after('pong', PONG_WITHIN_MS, () => {
      this.#drop();
      this.#wait();
    });
  }

  /** Waits longer with every try, by chance within half, so that clients do not come back all at once. */
  #wait(damaged = false): void {
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#tries);
    this.#tries += 1;
    this.#to({ name: 'waiting', tries: this.#tries, damaged });
    this.#after('wait', longest * (0.5 + this.#ports.random() / 2), () => void this.#connect());
  }

  #drop(): void {
    this.#attempt += 1;
    for (const stop of this.#stops.values()) stop();
    this.#stops.clear();
    const wire = this.#wire;
    this.#wire = null;
    wire?.close(1000);
  }

  #end(reason: Extract<SocketState, { name: 'ended' }>['reason']): void {
    this.#drop();
    this.#to({ name: 'ended', reason });
  }

  #to(state: SocketState): void {
    this.state = state;
    this.#ports.changed(state);
  }

  #after(name: string, ms: number, run: () => void): void {
    this.#stop(name);
    this.#stops.set(
      name,
      this.#ports.after(ms, () => {
        this.#stops.delete(name);
        run();
      }),
    );
  }

  #stop(name: string): void {
    this.#stops.get(name)?.();
    this.#stops.delete(name);
  }
}
