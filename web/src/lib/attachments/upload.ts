// What an upload is: its names and states, what it asks of the server, and what of it is kept over a reload.
import { LIMITS, type Attachment } from '#lib/api/events.ts';

/** The server removes what no message names within a day. */
const KEPT_MS = 23 * 60 * 60 * 1_000;

export interface Begun {
  id: string;
  part_bytes: number;
  /** Parts that are kept already. */
  parts: number[];
  complete: boolean;
}

/** The server, as far as uploads need it. */
export interface Transport {
  begin(file: { name: string; bytes: number; clientId: string }): Promise<Begun>;
  /** `sent` is told how many bytes of the part have left. */
  put(id: string, part: number, body: Blob, sent: (bytes: number) => void, signal: AbortSignal): Promise<void>;
  complete(id: string): Promise<Attachment>;
  remove(id: string): Promise<void>;
}

export interface Upload {
  clientId: string;
  name: string;
  bytes: number;
  /** When the file was last changed, milliseconds since 1970: with name and size, how it is known again. */
  modified: number;
  /** When it was brought here. */
  at: number;
  /** `waiting`: tried again by itself. `lost`: the page was closed meanwhile, so its bytes are not here any more. */
  state: 'queued' | 'sending' | 'finishing' | 'waiting' | 'done' | 'failed' | 'lost';
  /** Bytes that left. */
  sent: number;
  /** Why it failed, for people. */
  why?: string | undefined;
  /** Once it is done. */
  attachment?: Attachment | undefined;
}

/** A file to upload. */
export interface Source {
  name: string;
  modified: number;
  body: Blob;
}

export interface Ports {
  transport: Transport;
  /** Where it is kept over a reload what was begun and what is done. */
  shelf: { read(): string | null; write(text: string | null): void };
  changed(list: readonly Upload[]): void;
  fresh(): string;
  now(): number;
  online(): boolean;
  /** Runs something later; the answer stops it. */
  after(ms: number, run: () => void): () => void;
}

/** The file was changed or went away after it was chosen. */
export class Unreadable extends Error {}

/** A name as the server takes it: without folders and control characters, and not too long, with its ending. */
export function fileName(given: string): string {
  const name = (given.split(/[/\\]/).at(-1) ?? '').replace(/[\u0000-\u001f\u007f]/g, '').trim();
  if (name === '' || name === '.' || name === '..') return 'file';
  const length = (text: string): number => new TextEncoder().encode(text).length;
  if (length(name) <= LIMITS.fileNameBytes) return name;
  const dot = name.lastIndexOf('.');
  const ending = dot > 0 && length(name.slice(dot)) <= 32 ? name.slice(dot) : '';
  // By whole characters, so that none is cut in two.
  const stem = [...name.slice(0, name.length - ending.length)];
  while (length(stem.join('')) + length(ending) > LIMITS.fileNameBytes) stem.pop();
  return stem.join('') + ending;
}

/** What was done stays; of the rest the bytes are gone, until the same file is chosen again. */
export function restore(text: string | null, now: number): Upload[] {
  try {
    const kept = JSON.parse(text ?? '[]') as Upload[];
    return kept
      .filter((one) => now - one.at < KEPT_MS)
      .map((one) => (one.state === 'done' ? one : { ...one, state: 'lost' as const, sent: 0, why: undefined }));
  } catch {
    return [];
  }
}
