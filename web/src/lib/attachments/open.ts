// Gives trays and links the browser: REST, storage, network, timers. A tray lives as long as the page, so that uploads go on
// while one looks at another chat.
import type { Attachment } from '#lib/api/events.ts';
import { attachments, putPart } from '#lib/api/attachments.ts';
import { Unreachable } from '#lib/api/problem.ts';
import { freshClientId, stored } from '#lib/chat/open.ts';

import { Links } from './links.ts';
import type { Brought } from './picked.ts';
import { previews } from './previews.ts';
import { Tray } from './tray.svelte.ts';
import { type Source, Unreadable } from './upload.ts';

const trays = new Map<string, Tray>();
const links = new Map<string, Links>();

/** The tray that is kept under `key`, for files that go to `chat`. */
export function trayOf(org: string, chat: string, key: string): Tray {
  const known = trays.get(key);
  if (known) return known;
  const tray = new Tray({
    transport: {
      begin: ({ name, bytes, clientId }) => attachments.begin(org, chat, { name, bytes, client_id: clientId }),
      put: async (id, part, body, sent, signal) => {
        try {
          await putPart(org, id, part, body, { sent, signal });
        } catch (error) {
          if (error instanceof Unreachable && !signal.aborted && !(await readable(body))) throw new Unreadable();
          throw error;
        }
      },
      complete: async (id) => (await attachments.complete(org, id)) as Attachment,
      remove: async (id) => void (await attachments.remove(org, id)),
    },
    shelf: {
      read: () => stored(() => localStorage.getItem(key)) ?? null,
      write: (text) => void stored(() => (text === null ? localStorage.removeItem(key) : localStorage.setItem(key, text))),
    },
    fresh: freshClientId,
    now: () => Date.now(),
    online: () => navigator.onLine,
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  });
  trays.set(key, tray);
  // The message may go out when there is no connection to load what shows its files.
  void import('./ui/parts.ts').catch(() => undefined);
  window.addEventListener('online', () => tray.wake());
  return tray;
}

/** A browser refuses to read a file that was changed after it was chosen; a request ends as if it were cut. */
async function readable(body: Blob): Promise<boolean> {
  try {
    await body.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** The addresses of an org's files. */
export function linksOf(org: string): Links {
  const known = links.get(org);
  if (known) return known;
  const made = new Links({
    ask: async (id) => {
      const link = await attachments.get(org, id);
      return { ...link, attachment: link.attachment as Attachment };
    },
    now: () => Date.now(),
  });
  links.set(org, made);
  return made;
}

/** What a message that is not sent any more would have named is removed. The server refuses it for what it does name. */
export async function forget(org: string, files: readonly Attachment[]): Promise<void> {
  for (const file of files) previews.drop(file.id);
  await Promise.allSettled(files.map((file) => attachments.remove(org, file.id)));
}

/** Has the browser save a file. Its address says that it is to be saved, so the page stays. */
export async function download(org: string, file: Attachment): Promise<void> {
  const link = document.createElement('a');
  link.href = await linksOf(org).url(file.id);
  link.download = file.name;
  link.rel = 'noreferrer';
  link.click();
}

/** What people brought, as sources. A pasted image has no name of its own. */
export function sources({ files }: Brought, pasted: boolean): Source[] {
  return files.map((file, index) => {
    const nameless = pasted && /^image\.\w+$/.test(file.name);
    const ending = file.name.slice(file.name.lastIndexOf('.'));
    const number = files.length > 1 ? ` ${index + 1}` : '';
    return { name: nameless ? `Pasted image${number}${ending}` : file.name, modified: file.lastModified, body: file };
  });
}
