// Gives the context items of a chat the browser: REST, timers, notices; and looks again when an agent proposed something.
import { contextItems } from '#lib/api/context.ts';
import { explain } from '#lib/api/problem.ts';
import type { Room } from '#lib/chat/room.svelte.ts';
import { toasts } from '#lib/ui/toasts.svelte.ts';

import { ContextItems } from './items.svelte.ts';

/** The tool by which agents propose. */
const PROPOSES = 'propose_context';

/** The second value is for when the chat is left. */
export function openItems(org: string, chat: string, room: Room): [ContextItems, () => void] {
  const items = new ContextItems({
    list: (query) => contextItems.list(org, { ...query, chat }),
    create: (body) => contextItems.create(org, body),
    update: (id, body) => contextItems.update(org, id, body),
    remove: (id) => contextItems.remove(org, id),
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    failed: (error) => toasts.show(`It was not dismissed. ${explain(error)}`, 'danger'),
  });
  void items.look();
  const stop = room.watch((events) => {
    const proposed = events.some(
      (event) =>
        event.type === 'turn.tool_returned' &&
        room.log.turns.get(event.turn)?.tools.some((use) => use.call.id === event.result.id && use.call.name === PROPOSES),
    );
    if (proposed) void items.look();
  });
  const look = (): void => {
    if (document.visibilityState === 'visible') void items.look();
  };
  const leave = (): void => items.flush();
  document.addEventListener('visibilitychange', look);
  window.addEventListener('pagehide', leave);
  return [
    items,
    () => {
      stop();
      document.removeEventListener('visibilitychange', look);
      window.removeEventListener('pagehide', leave);
      items.flush();
    },
  ];
}
