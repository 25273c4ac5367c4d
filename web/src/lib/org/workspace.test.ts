import { beforeEach, expect, it, vi } from 'vitest';

import type { Channel, ChatSummary, Unread } from '#lib/api/resources.ts';

const server = vi.hoisted(() => ({ channels: [] as string[], chats: {} as Record<string, string[]>, answers: [] as Partial<Unread>[], asked: [] as string[] }));

vi.mock('#lib/appearance.svelte.ts', () => ({ appearance: { inOrg: () => undefined } }));
vi.mock('#lib/session.svelte.ts', () => ({ session: { orgs: [], user: null } }));
vi.mock('#lib/api/rest.ts', () => {
  const page = (items: { id: string }[]) => Promise.resolve({ items, next_cursor: null });
  return {
    agents: { list: () => page([]) },
    members: { list: () => page([]) },
    channels: {
      list: () => {
        server.asked.push('channels');
        return page(server.channels.map((id) => ({ id })));
      },
    },
    chats: {
      list: (_org: string, channel: string) => {
        server.asked.push(channel);
        return page((server.chats[channel] ?? []).map((id) => ({ id, channel })));
      },
    },
    unread: () => {
      server.asked.push('unread');
      return Promise.resolve({ chats: [], cursor: 1, ...server.answers.shift() });
    },
  };
});

const { Workspace } = await import('./workspace.svelte.ts');

const ids = (items: (Channel | ChatSummary)[]) => items.map((item) => item.id);
const told = (chat: string, channel: string, unread: number) => ({ chat, channel, unread, mentions: 0, version: 1 });

/** A page that is looked at: the function stands for coming back to it. */
function page(): () => Promise<void> {
  const heard: (() => void)[] = [];
  const on = { addEventListener: (_: string, run: () => void) => heard.push(run), removeEventListener: () => undefined };
  vi.stubGlobal('document', { visibilityState: 'visible', ...on });
  vi.stubGlobal('window', on);
  return async () => {
    heard[0]?.();
    await new Promise((settled) => setTimeout(settled));
  };
}

beforeEach(() => {
  server.channels = ['one', 'two'];
  server.chats = { one: ['a', 'b'], two: ['c', 'd'] };
  server.answers = [];
  server.asked = [];
});

it('forgets what somebody else deleted: at once what is on screen, the rest when it is looked at', async () => {
  const look = page();
  const space = new Workspace('org');
  const stop = space.watch();
  const [one, two] = [space.chatsOf('one'), space.chatsOf('two')];
  await Promise.all([space.channels.load(), one.load(), two.load()]);
  space.opens('one');
  server.answers = [{ chats: [told('a', 'one', 2), told('b', 'one', 1), told('c', 'two', 4)] }];
  await look();
  expect([space.marks.in('one').unread, space.marks.in('two').unread]).toEqual([3, 4]);

  // A chat of each channel goes.
  server.chats = { one: ['b'], two: ['d'] };
  server.answers = [{ chats: [told('b', 'one', 1)], anew: true, stirred: true }];
  server.asked = [];
  await look();
  expect([ids(one.items), ids(two.items)]).toEqual([['b'], ['c', 'd']]);
  expect([space.marks.in('one').unread, space.marks.in('two').unread]).toEqual([1, 0]);
  expect(server.asked.sort()).toEqual(['channels', 'one', 'unread']);
  await two.load();
  expect(ids(two.items)).toEqual(['d']);

  // A channel goes.
  server.channels = ['one'];
  server.answers = [{ chats: [told('b', 'one', 1)], anew: true, stirred: true }];
  await look();
  expect(ids(space.channels.items)).toEqual(['one']);

  // Nothing is listed while nothing changes.
  server.asked = [];
  await look();
  expect(server.asked).toEqual(['unread']);
  stop();
});
