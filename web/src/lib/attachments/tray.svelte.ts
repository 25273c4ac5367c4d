// The files of a message that is being written, as the composer draws them.
import type { Attachment } from '#lib/api/events.ts';

import { previews } from './previews.ts';
import { type Ports, type Source, type Upload, fileName } from './upload.ts';
import { Uploads } from './uploads.ts';
import { Speaker } from './words.ts';

export class Tray {
  list = $state.raw<readonly Upload[]>([]);
  /** For screen readers. */
  said = $state('');
  readonly ready = $derived(this.list.length > 0 && this.list.every((one) => one.state === 'done'));
  /** Some need a person. */
  readonly stuck = $derived(this.list.some((one) => one.state === 'failed' || one.state === 'lost'));
  readonly #uploads: Uploads;
  readonly #speaker = new Speaker();

  constructor(ports: Omit<Ports, 'changed'>) {
    this.#uploads = new Uploads({ ...ports, changed: (list) => this.#show(list) });
    this.#show(this.#uploads.list);
  }

  /** Takes files; answers why some were not taken. */
  add(files: readonly Source[]): string[] {
    const known = new Set(this.list.map((one) => one.clientId));
    const refused = this.#uploads.add(files);
    for (const one of this.list) {
      const source = files.find(
        (file) => file.modified === one.modified && file.body.size === one.bytes && fileName(file.name) === one.name,
      );
      if (source && !known.has(one.clientId)) previews.keep(one.clientId, source.body);
    }
    return refused;
  }

  put(files: readonly Attachment[]): void {
    this.#uploads.put(files);
  }

  retry(clientId: string): void {
    const index = this.list.findIndex((one) => one.clientId === clientId);
    this.#uploads.retry(clientId);
    // It may go by another name from here on.
    const now = this.list[index];
    if (now) previews.rename(clientId, now.clientId);
  }

  remove(clientId: string): void {
    previews.drop(clientId);
    this.#uploads.remove(clientId);
  }

  wake(): void {
    this.#uploads.wake();
  }

  take(): Attachment[] {
    return this.#uploads.take();
  }

  #show(list: readonly Upload[]): void {
    for (const one of list) if (one.attachment) previews.rename(one.clientId, one.attachment.id);
    this.list = list;
    this.said = this.#speaker.next(list) ?? this.said;
  }
}
