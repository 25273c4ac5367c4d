// Gives a fork the browser: REST, storage, the time.
import { forks } from '#lib/api/forks.ts';
import { chats, messages } from '#lib/api/rest.ts';
import { named, stored } from '#lib/chat/open.ts';
import type { Room } from '#lib/chat/room.svelte.ts';

import { ForkRoom } from './fork.svelte.ts';

export function openFork(org: string, chat: string, room: Room, fork: string): ForkRoom {
  const key = `slipway.outbox.${room.me}.${fork}`;
  return new ForkRoom(room, fork, {
    events: (query) => chats.events(org, chat, { ...query, fork }),
    list: (cursor) => forks.list(org, chat, { limit: 200, ...(cursor ? { cursor } : {}) }),
    send: ({ clientId, text, replyTo, attachments }) =>
      messages.post(org, chat, { client_id: clientId, text, fork, ...(replyTo ? { reply_to: replyTo } : {}), ...named(attachments) }),
    shelf: {
      read: () => stored(() => localStorage.getItem(key)) ?? null,
      write: (text) => void stored(() => (text === null ? localStorage.removeItem(key) : localStorage.setItem(key, text))),
    },
    now: () => Date.now(),
  });
}
