// Files on their way to the server, in parts, before their message goes out. Two requests at a time, whatever the number of
// files. What fails for a while is tried again by itself; what goes on, goes on from the parts that the server keeps, which
// it tells when the same upload is begun again by its client id.
import { LIMITS, type Attachment } from '#lib/api/events.ts';
import { Refused, Unreachable } from '#lib/api/problem.ts';
import { bytes as size } from '#lib/sandbox/words.ts';

import { type Begun, type Ports, type Source, type Upload, fileName, restore } from './upload.ts';
import { whyNot } from './words.ts';

/** Requests at one time. */
const LANES = 2;
/** Waits before each further try. */
const WAITS_MS = [1_000, 2_000, 4_000, 8_000, 16_000];

/** What is going on with an upload that has its bytes here. */
interface Run {
  clientId: string;
  body: Blob;
  /** Grows when all that was going on is given up; what an earlier round answers counts for nothing. */
  round: number;
  begun: Begun | null;
  kept: Set<number>;
  /** Bytes that left of the parts on their way. */
  live: Map<number, number>;
  /** Something is asked that must be answered before anything else. */
  held: boolean;
  abort: AbortController;
  tries: number;
  /** All parts were there, and yet it could not be put together: `asked` once more, then `spoilt`. */
  asked: boolean;
  spoilt: boolean;
  /** The most parts that the server ever had of it. */
  most: number;
  stop: (() => void) | null;
}

export class Uploads {
  list: readonly Upload[] = [];
  #ports: Ports;
  #runs = new Map<string, Run>();
  #active = 0;

  constructor(ports: Ports) {
    this.#ports = ports;
    this.list = restore(ports.shelf.read(), ports.now());
  }

  /** All are on the server: a message may name them. */
  get ready(): boolean {
    return this.list.length > 0 && this.list.every((one) => one.state === 'done');
  }

  /** Some need a person. */
  get stuck(): boolean {
    return this.list.some((one) => one.state === 'failed' || one.state === 'lost');
  }

  /** Takes files and sends them. Answers why some were not taken, one sentence each. */
  add(files: readonly Source[]): string[] {
    const refused: string[] = [];
    let over = 0;
    for (const file of files) {
      const name = fileName(file.name);
      if (file.body.size === 0) {
        refused.push(`“${name}” is empty.`);
        continue;
      }
      if (file.body.size > LIMITS.attachmentBytes) {
        refused.push(`“${name}” is too large: a file may have ${size(LIMITS.attachmentBytes)}.`);
        continue;
      }
      const lost = this.list.find(
        (one) => one.state === 'lost' && one.name === name && one.bytes === file.body.size && one.modified === file.modified,
      );
      if (!lost && this.list.length >= LIMITS.attachmentsPerMessage) {
        over += 1;
        continue;
      }
      const clientId = lost?.clientId ?? this.#ports.fresh();
      this.#runs.set(clientId, aRun(clientId, file.body));
      if (lost) this.#change(clientId, { state: 'queued', sent: 0 });
      else {
        const upload = { clientId, name, bytes: file.body.size, modified: file.modified, at: this.#ports.now(), sent: 0 };
        this.#set([...this.list, { ...upload, state: 'queued' }]);
      }
    }
    if (over > 0) {
      refused.push(`A message takes ${LIMITS.attachmentsPerMessage} files: ${over === 1 ? 'one was' : `${over} were`} left out.`);
    }
    this.#pump();
    return refused;
  }

  /** Puts files back that are on the server already. */
  put(files: readonly Attachment[]): void {
    const room = Math.max(0, LIMITS.attachmentsPerMessage - this.list.length);
    const back = files.slice(0, room).map(
      (attachment): Upload => ({
        clientId: attachment.id,
        name: attachment.name,
        bytes: attachment.bytes,
        modified: 0,
        at: Date.parse(attachment.created_at),
        state: 'done',
        sent: attachment.bytes,
        attachment,
      }),
    );
    this.#set([...this.list, ...back]);
  }

  /** Goes on with one that failed, from the parts that the server has; from the beginning where those were of no use. */
  retry(clientId: string): void {
    const run = this.#runs.get(clientId);
    if (!run) return;
    run.tries = 0;
    if (!run.spoilt) return this.#restart(run);
    const id = run.begun?.id;
    if (id) void this.#forget(id);
    const fresh = this.#ports.fresh();
    this.#runs.delete(clientId);
    this.#runs.set(fresh, aRun(fresh, run.body));
    this.#set(this.list.map((one) => (one.clientId === clientId ? { ...one, clientId: fresh, state: 'queued', sent: 0, why: undefined } : one)));
    this.#pump();
  }

  /** Gives one up, wherever it is, also on the server. */
  remove(clientId: string): void {
    const upload = this.list.find((one) => one.clientId === clientId);
    const run = this.#runs.get(clientId);
    const id = upload?.attachment?.id ?? run?.begun?.id;
    if (run) this.#giveUp(run);
    this.#runs.delete(clientId);
    this.#set(this.list.filter((one) => one.clientId !== clientId));
    if (id) void this.#forget(id);
    this.#pump();
  }

  /** The connection may be back: what waits goes on now. */
  wake(): void {
    for (const upload of this.list) {
      const run = this.#runs.get(upload.clientId);
      if (run && upload.state === 'waiting') this.#restart(run);
    }
  }

  /** Hands out what is done, for a message; it is the message's from here on. */
  take(): Attachment[] {
    const files = this.list.flatMap((one) => (one.attachment ? [one.attachment] : []));
    this.#set(this.list.filter((one) => !one.attachment));
    return files;
  }

  #pump(): void {
    while (this.#active < LANES) {
      const job = this.#next();
      if (!job) return;
      this.#active += 1;
      void job().finally(() => {
        this.#active -= 1;
        this.#pump();
      });
    }
  }

  /** The next request: of the first file that can use one. */
  #next(): (() => Promise<void>) | undefined {
    for (const { clientId, state, bytes } of this.list) {
      const run = this.#runs.get(clientId);
      if (!run || run.held || (state !== 'queued' && state !== 'sending')) continue;
      const { begun } = run;
      if (!begun) {
        run.held = true;
        return () => this.#attempt(run, () => this.#begin(run));
      }
      for (let part = 1; part <= partsOf(bytes, begun.part_bytes); part += 1) {
        if (run.kept.has(part) || run.live.has(part)) continue;
        run.live.set(part, 0);
        return () => this.#attempt(run, () => this.#send(run, begun, part));
      }
      if (run.live.size === 0) {
        run.held = true;
        return () => this.#attempt(run, () => this.#finish(run, begun));
      }
    }
    return undefined;
  }

  async #attempt(run: Run, act: () => Promise<void>): Promise<void> {
    const { round } = run;
    try {
      await act();
    } catch (error) {
      if (run.round === round) this.#failed(run, error);
    }
  }

  async #begin(run: Run): Promise<void> {
    const { round } = run;
    const upload = this.#of(run);
    if (!upload) return;
    this.#change(run.clientId, { state: 'sending' });
    const begun = await this.#ports.transport.begin({ name: upload.name, bytes: upload.bytes, clientId: run.clientId });
    if (run.round !== round) {
      // It was given up while the server was asked.
      if (!this.#runs.has(run.clientId)) await this.#forget(begun.id);
      return;
    }
    run.begun = begun;
    const all = partsOf(upload.bytes, begun.part_bytes);
    run.kept = new Set(begun.complete ? Array.from({ length: all }, (_, index) => index + 1) : begun.parts);
    run.held = false;
    this.#count(run);
    this.#keep();
  }

  async #send(run: Run, begun: Begun, part: number): Promise<void> {
    const { round } = run;
    const from = (part - 1) * begun.part_bytes;
    const body = run.body.slice(from, Math.min(from + begun.part_bytes, run.body.size));
    const sent = (bytes: number): void => {
      if (run.round !== round) return;
      run.live.set(part, Math.min(bytes, body.size));
      this.#count(run);
    };
    await this.#ports.transport.put(begun.id, part, body, sent, run.abort.signal);
    if (run.round !== round) return;
    run.live.delete(part);
    run.kept.add(part);
    // It is further than ever: what failed before is forgotten.
    if (run.kept.size > run.most) {
      run.most = run.kept.size;
      run.tries = 0;
    }
    this.#count(run);
  }

  async #finish(run: Run, begun: Begun): Promise<void> {
    const { round } = run;
    this.#change(run.clientId, { state: 'finishing', sent: run.body.size });
    const attachment = await this.#ports.transport.complete(begun.id);
    if (run.round !== round) return;
    this.#runs.delete(run.clientId);
    this.#change(run.clientId, { state: 'done', attachment });
  }

  /** Waits and tries again where that can help; else a person must. */
  #failed(run: Run, error: unknown): void {
    this.#giveUp(run);
    if (error instanceof Refused && error.code === 'upload_incomplete') {
      // The server knows best which parts it has.
      if (!run.asked) {
        run.asked = true;
        return this.#restart(run);
      }
      run.spoilt = true;
    }
    const online = this.#ports.online();
    const wait = WAITS_MS[run.tries];
    if (!passes(error) || (online && wait === undefined)) {
      this.#change(run.clientId, { state: 'failed', why: whyNot(error) });
      return;
    }
    this.#change(run.clientId, { state: 'waiting' });
    // Without a network it waits for that alone.
    if (!online || wait === undefined) return;
    run.tries += 1;
    const asked = error instanceof Refused ? (error.problem.retry_after_s ?? 0) * 1_000 : 0;
    run.stop = this.#ports.after(Math.max(wait, asked), () => this.#restart(run));
  }

  /** Ends all that is going on, and has nothing of it count. */
  #giveUp(run: Run): void {
    run.round += 1;
    run.abort.abort();
    run.abort = new AbortController();
    run.live.clear();
    run.stop?.();
    run.stop = null;
    run.held = false;
  }

  #restart(run: Run): void {
    this.#giveUp(run);
    run.begun = null;
    this.#change(run.clientId, { state: 'queued', why: undefined });
    this.#pump();
  }

  #count(run: Run): void {
    const upload = this.#of(run);
    if (!upload || !run.begun) return;
    let sent = 0;
    for (const part of run.kept) sent += partBytes(upload.bytes, run.begun.part_bytes, part);
    for (const bytes of run.live.values()) sent += bytes;
    this.#change(run.clientId, { sent: Math.min(sent, upload.bytes) });
  }

  /** What the server still has of a file that is not wanted goes with its daily sweep at the latest. */
  async #forget(id: string): Promise<void> {
    try {
      await this.#ports.transport.remove(id);
    } catch {
      // Nobody waits for this.
    }
  }

  #of(run: Run): Upload | undefined {
    return this.list.find((one) => one.clientId === run.clientId);
  }

  #change(clientId: string, change: Partial<Upload>): void {
    this.list = this.list.map((one) => (one.clientId === clientId ? { ...one, ...change } : one));
    // Bytes alone are not worth a write.
    if (change.state !== undefined) this.#keep();
    this.#ports.changed(this.list);
  }

  #set(list: readonly Upload[]): void {
    this.list = list;
    this.#keep();
    this.#ports.changed(list);
  }

  #keep(): void {
    const kept = this.list.filter((one) => one.state === 'done' || one.state === 'lost' || this.#runs.get(one.clientId)?.begun);
    this.#ports.shelf.write(kept.length === 0 ? null : JSON.stringify(kept));
  }
}

const aRun = (clientId: string, body: Blob): Run => ({
  clientId,
  body,
  round: 0,
  begun: null,
  kept: new Set(),
  live: new Map(),
  held: false,
  abort: new AbortController(),
  tries: 0,
  asked: false,
  spoilt: false,
  most: 0,
  stop: null,
});

const partsOf = (bytes: number, part: number): number => Math.max(1, Math.ceil(bytes / part));
const partBytes = (bytes: number, size: number, part: number): number => Math.max(0, Math.min(size, bytes - (part - 1) * size));

/** Whether it may go better a moment later. */
function passes(error: unknown): boolean {
  if (error instanceof Unreachable) return true;
  return error instanceof Refused && (error.code === 'unavailable' || error.code === 'rate_limited' || error.code === 'internal');
}
