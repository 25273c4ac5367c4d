// What is said about files: refusals, progress, kinds.
import { LIMITS } from '#lib/api/events.ts';
import { Refused, explain } from '#lib/api/problem.ts';
import { bytes } from '#lib/sandbox/words.ts';

import { Unreadable, type Upload } from './upload.ts';

/** Why the server did not take a file, in one sentence. */
export function whyNot(error: unknown): string {
  if (error instanceof Unreadable) return 'The file was changed or moved. Choose it again.';
  if (!(error instanceof Refused)) return explain(error);
  switch (error.code) {
    case 'quota_reached':
      return 'The org has no room left for files. Delete messages with files, or ask an admin.';
    case 'too_large':
      return `Too large: a file may have ${bytes(LIMITS.attachmentBytes)}.`;
    case 'upload_incomplete':
      return 'It did not arrive whole. Retry to send it again.';
    case 'not_found':
      return 'You may not put files into this chat.';
    case 'invalid_field':
      return error.problem.field === 'name' ? 'Its name is refused. Rename it and choose it again.' : explain(error);
    case 'not_built':
      return 'Files cannot be attached here yet.';
    default:
      return explain(error);
  }
}

const KINDS: Record<string, string> = {
  'application/pdf': 'PDF',
  'application/zip': 'Archive',
  'application/json': 'JSON',
  'text/plain': 'Text',
};

/** What kind of file it is, for people. */
export function kindOf(type: string): string {
  if (KINDS[type]) return KINDS[type];
  if (type.startsWith('image/')) return `${type.slice('image/'.length).toUpperCase()} image`;
  if (type.startsWith('text/')) return 'Text';
  return 'File';
}

/** How far an upload is, for people. */
export function standing(upload: Upload): string {
  switch (upload.state) {
    case 'queued':
      return `${bytes(upload.bytes)}, waits for its turn`;
    case 'sending':
      return `${bytes(upload.sent)} of ${bytes(upload.bytes)}`;
    case 'finishing':
      return `${bytes(upload.bytes)}, is checked`;
    case 'waiting':
      return `${bytes(upload.sent)} of ${bytes(upload.bytes)}, goes on soon`;
    case 'done':
      return bytes(upload.bytes);
    case 'failed':
      return upload.why ?? 'It was not uploaded.';
    case 'lost':
      return 'Interrupted. Choose the same file again to go on.';
  }
}

/** Share of all bytes that are there, 0 to 1. */
export function share(list: readonly Pick<Upload, 'bytes' | 'sent'>[]): number {
  const all = list.reduce((sum, one) => sum + one.bytes, 0);
  return all === 0 ? 0 : list.reduce((sum, one) => sum + one.sent, 0) / all;
}

/** Lines for screen readers: the beginning, the half, and the end of uploads, never every step. */
export class Speaker {
  #states = new Map<string, Upload['state']>();
  #half = false;

  /** The newest thing to say, if there is one. */
  next(list: readonly Upload[]): string | null {
    let line: string | null = null;
    const busy = list.filter((one) => isBusy(one));
    const begun = busy.filter((one) => !this.#states.has(one.clientId));
    if (begun.length > 0) {
      this.#half = false;
      line = begun.length === 1 ? `Uploading ${begun[0]?.name}.` : `Uploading ${begun.length} files.`;
    } else if (!this.#half && busy.length > 0 && share(busy) >= 0.5) {
      this.#half = true;
      line = 'Half of it is uploaded.';
    }
    for (const one of list) {
      const before = this.#states.get(one.clientId);
      if (before === undefined || before === one.state) continue;
      if (one.state === 'done') line = busy.length === 0 && list.length > 1 ? `All ${list.length} files are uploaded.` : `${one.name} is uploaded.`;
      if (one.state === 'failed') line = `${one.name} was not uploaded. ${one.why ?? ''}`.trim();
      if (one.state === 'waiting') line = `${one.name} is interrupted and goes on soon.`;
    }
    this.#states = new Map(list.map((one) => [one.clientId, one.state]));
    return line;
  }
}

export const isBusy = (upload: Pick<Upload, 'state'>): boolean =>
  upload.state === 'queued' || upload.state === 'sending' || upload.state === 'finishing' || upload.state === 'waiting';
