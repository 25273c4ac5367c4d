import { describe, expect, it } from 'vitest';

import type { Event } from '#lib/api/events.ts';
import type { Fork } from '#lib/api/resources.ts';
import { ChatLog } from '#lib/chat/log.ts';
import type { Room } from '#lib/chat/room.svelte.ts';

import { ForkRoom } from './fork.svelte.ts';
import { merged } from './words.ts';

const at = '2026-11-20T08:00:00Z';
const actor = { kind: 'user', id: 'user_ada' } as const;
const CREATED: Event = { type: 'fork.created', seq: 2, at, actor, fork: 'f1', message: 'm1', description: 'Choose' };
const posted = (seq: number, fork?: string, client_id?: string): Event =>
  ({ type: 'message.posted', seq, at, actor, message: `m${seq}`, text: 'x', ...(fork ? { fork } : {}), ...(client_id ? { client_id } : {}) });
const FORK = {
  id: 'f1', chat: 'c', message: 'm1', description: 'Choose', state: 'abandoned', created_by: actor, created_at: at,
  message_count: 1, last_message_at: at, participants: [],
} as Fork;

/** A fork of a chat whose log begins with `known`, and the way to tell the chat of more. */
function aFork(known: Event[], page: Event[], listed: Fork[] = []) {
  const log = new ChatLog();
  log.append(known);
  let tell: (events: Event[]) => void = () => undefined;
  const sent: string[] = [];
  const room = {
    me: 'user_ada',
    log,
    version: 0,
    participants: [],
    watch: (run: typeof tell) => ((tell = run), () => (tell = () => undefined)),
    takeFork: (fork: Fork, seq: number) => log.takeFork(fork, seq),
  } as unknown as Room;
  const own = new ForkRoom(room, 'f1', {
    events: async () => ({ events: page, head: page.at(-1)?.seq ?? 0 }) as never,
    list: async () => ({ items: listed }),
    send: async ({ clientId }) => (sent.push(clientId), {} as never),
    shelf: { read: () => null, write: () => undefined },
    now: () => 0,
  });
  return { own, sent, tell: (...events: Event[]) => tell(events) };
}

describe('an open fork', () => {
  it('joins its page, what the chat knows beyond it, and what comes live', async () => {
    const { own, tell } = aFork([posted(1), CREATED, posted(3, 'f1'), posted(4), posted(5, 'f1')], [CREATED, posted(3, 'f1')]);
    const opening = own.open();
    tell(posted(6, 'f1'));
    await opening;
    expect(own.state).toBe('ready');
    tell(posted(7), posted(8, 'f1'), posted(9, 'f2'));
    expect([...own.log.messages.keys()]).toEqual(['m3', 'm5', 'm6', 'm8']);
    expect(own.hasEarlier).toBe(false);
  });

  it('settles what it sent once the fork has it', async () => {
    const { own, sent, tell } = aFork([posted(1), CREATED], [CREATED]);
    await own.open();
    own.send('c1', 'hi');
    expect(sent).toEqual(['c1']);
    expect(own.pending).toHaveLength(1);
    tell(posted(3, 'f1', 'c1'));
    expect(own.pending).toEqual([]);
  });

  it('is found in the list when nothing that is loaded tells of it', async () => {
    const { own } = aFork([posted(40)], [posted(3, 'f1')], [FORK]);
    await own.open();
    expect(own.state).toBe('ready');
    expect(own.view).toMatchObject({ description: 'Choose', state: 'abandoned' });
  });

  it('is gone when nothing and nobody knows it', async () => {
    const { own } = aFork([posted(1)], []);
    await own.open();
    expect(own.state).toBe('gone');
  });
});

it('lists open forks first, then the newest, and believes the chat over the list', () => {
  const listed = [FORK, { ...FORK, id: 'f2', created_at: '2026-11-20T09:00:00Z' }, { ...FORK, id: 'f3' }] as Fork[];
  const log = new ChatLog();
  log.append([{ ...CREATED, fork: 'f3' } as Event]);
  expect(merged(listed, log.forks.views).map((view) => [view.id, view.state])).toEqual([
    ['f3', 'open'],
    ['f2', 'abandoned'],
    ['f1', 'abandoned'],
  ]);
});
