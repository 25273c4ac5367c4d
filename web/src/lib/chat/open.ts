// Gives a room the browser: REST, WebSocket, timers, storage, network and visibility.
import { chats, messages, turns } from '#lib/api/rest.ts';
import type { ChatSummary } from '#lib/api/resources.ts';

import { Room } from './room.svelte.ts';
import type { Wire } from './socket.ts';

export interface Opening {
  org: string;
  chat: string;
  me: string;
  summary: (change: Partial<ChatSummary>) => void;
}

/** Opens a chat. The second value closes it. */
export function openRoom({ org, chat, me, summary }: Opening): [Room, () => void] {
  const key = `slipway.outbox.${me}.${chat}`;
  const room = new Room({
    me,
    summary,
    backend: {
      describe: () => chats.get(org, chat),
      join: () => chats.addParticipant(org, chat, { user: me }),
      events: (query) => chats.events(org, chat, query),
      post: ({ clientId, text, replyTo, attachments }) =>
        messages.post(org, chat, { client_id: clientId, text, ...(replyTo ? { reply_to: replyTo } : {}), ...named(attachments) }),
      edit: (message, text) => messages.edit(org, chat, message, text),
      remove: (message) => messages.remove(org, chat, message),
      react: (message, emoji, on) => messages.react(org, chat, message, emoji, on),
      pin: (message, on) => messages.pin(org, chat, message, on),
      update: (change) => chats.update(org, chat, change),
      addParticipant: (who) => chats.addParticipant(org, chat, who),
      removeParticipant: async (id) => void (await chats.removeParticipant(org, chat, id)),
      cancel: (turn) => turns.cancel(org, turn),
    },
    ticket: async () => (await chats.ticket(org, chat)).ticket,
    openWire: (ticket, after, protocol) => {
      const address = new URL(`/v1/chats/${chat}/socket`, location.href);
      address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
      address.searchParams.set('ticket', ticket);
      address.searchParams.set('after', String(after));
      return wireOf(new WebSocket(address, protocol));
    },
    shelf: {
      read: () => stored(() => localStorage.getItem(key)) ?? null,
      write: (text) => void stored(() => (text === null ? localStorage.removeItem(key) : localStorage.setItem(key, text))),
    },
    frame: (run) => void requestAnimationFrame(run),
    now: () => Date.now(),
    online: () => navigator.onLine,
    visible: () => document.visibilityState === 'visible',
    random: () => Math.random(),
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  });

  const wake = (): void => room.wake();
  const lose = (): void => room.lose();
  const look = (): void => {
    if (document.visibilityState === 'visible') room.wake();
  };
  const leave = (): void => room.flush();
  window.addEventListener('pagehide', leave);
  window.addEventListener('online', wake);
  window.addEventListener('offline', lose);
  document.addEventListener('visibilitychange', look);
  return [
    room,
    () => {
      window.removeEventListener('pagehide', leave);
      window.removeEventListener('online', wake);
      window.removeEventListener('offline', lose);
      document.removeEventListener('visibilitychange', look);
      room.close();
    },
  ];
}

/** A WebSocket as the socket machine sees it. */
function wireOf(socket: WebSocket): Wire {
  const wire: Wire = {
    send: (text) => socket.send(text),
    close: (code) => socket.close(code),
    onmessage: null,
    onclose: null,
  };
  socket.addEventListener('message', (event) => wire.onmessage?.({ data: event.data }));
  socket.addEventListener('close', (event) => wire.onclose?.({ code: event.code }));
  return wire;
}

/** Storage may be closed or full; then what is kept lives as long as the page. */
export function stored<T>(access: () => T): T | undefined {
  try {
    return access();
  } catch {
    return undefined;
  }
}

/** Files of a message as its post names them. */
export const named = (files: readonly { id: string }[] | undefined): { attachments?: string[] } =>
  files && files.length > 0 ? { attachments: files.map((file) => file.id) } : {};

/** A fresh name for a message. */
export const freshClientId = (): string => crypto.randomUUID();
