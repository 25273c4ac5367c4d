import { describe, expect, it } from 'vitest';

import type { Event, ServerFrame } from '#lib/api/events.ts';
import type { Chat } from '#lib/api/resources.ts';

import { callKey } from './output.ts';
import { Room, type Surroundings } from './room.svelte.ts';
import type { Wire } from './socket.ts';

const CHAT: Chat = {
  id: 'chat_1',
  channel: 'chan_1',
  title: 'Tides',
  created_at: '2026-11-20T08:00:00Z',
  default_agent: null,
  head: 1,
  message_count: 1,
  open_approvals: [],
  open_turns: [],
  org: 'org_1',
  participants: [],
  read: 1,
  unread: 0,
} as Chat;

const at = '2026-11-20T08:00:00Z';
const actor = { kind: 'agent', id: 'agent_demo' } as const;
const FIRST: Event = { type: 'message.posted', seq: 1, at, actor: { kind: 'user', id: 'user_ada' }, message: 'm1', text: 'hi' };

/** A room that nobody opened yet, and the way to its socket. */
function closedRoom(over: Partial<Surroundings> = {}) {
  const wire: Wire = { send: () => undefined, close: () => undefined, onmessage: null, onclose: null };
  const never = () => Promise.reject(new Error('not asked for'));
  const room = new Room({
    me: 'user_ada',
    backend: {
      describe: async () => CHAT,
      events: async () => ({ events: [FIRST], head: 1 }) as never,
      join: never, post: never, edit: never, remove: never, react: never, pin: never, update: never, addParticipant: never, removeParticipant: never, cancel: never,
    },
    ticket: async () => 'ticket',
    openWire: () => wire,
    shelf: { read: () => null, write: () => undefined },
    frame: (run) => run(),
    now: () => 0,
    online: () => true,
    visible: () => true,
    random: () => 0,
    after: () => () => undefined,
    summary: () => undefined,
    ...over,
  });
  return { room, wire };
}

/** A live room, and the way to its socket. */
async function aRoom(over: Partial<Surroundings> = {}) {
  const { room, wire } = closedRoom(over);
  await room.open();
  for (let turn = 0; turn < 6; turn += 1) await Promise.resolve();
  const tell = (frame: ServerFrame) => wire.onmessage!({ data: JSON.stringify(frame) });
  tell({ type: 'hello', you: 'user_ada', head: 1, present: [], count: 1 });
  return { room, tell, close: (code: number) => wire.onclose!({ code }) };
}

describe('a chat that is opened', () => {
  it('says so when it takes long, and tells its list that it is no longer archived', async () => {
    const timers: { run: () => void; stopped: boolean }[] = [];
    const told: unknown[] = [];
    const { room } = closedRoom({
      after: (_ms, run) => {
        const timer = { run, stopped: false };
        timers.push(timer);
        return () => void (timer.stopped = true);
      },
      summary: (change) => told.push(change.archived),
    });
    const opening = room.open();
    expect(room.long).toBe(false);
    timers[0]!.run();
    expect([room.state, room.long]).toEqual(['loading', true]);
    await opening;
    expect(room.state).toBe('ready');
    expect(timers[0]!.stopped).toBe(true);
    expect(told).toEqual([false]);
  });
});

describe('an open chat', () => {
  it('shows what running calls write, until their turn has its answer', async () => {
    const { room, tell } = await aRoom();
    tell({ type: 'output', turn: 't1', call: 'c1', offset: 0, text: 'wave 1\n' });
    tell({ type: 'output', turn: 't1', call: 'c1', offset: 7, text: 'wave 2\n' });
    expect(room.outputs.get(callKey('t1', 'c1'))).toBe('wave 1\nwave 2\n');
    tell({ type: 'events', events: [{ type: 'message.posted', seq: 2, at, actor, message: 'm2', text: 'done', turn: 't1' }] });
    expect(room.outputs.size).toBe(0);
  });

  it('shows how far what was approved is, until it is done', async () => {
    const { room, tell } = await aRoom();
    tell({ type: 'progress', approval: 'a1', text: 'Starting', since: at });
    expect(room.progress.get('a1')).toEqual({ text: 'Starting', since: at });
    tell({ type: 'events', events: [{ type: 'approval.carried_out', seq: 2, at, actor: { kind: 'system' }, approval: 'a1', done: true, detail: 'ok' }] });
    expect(room.progress.size).toBe(0);
  });

  it('counts what is unread, and what of it is for the reader, and tells its list', async () => {
    const told: unknown[] = [];
    const { room, tell } = await aRoom({ summary: (change) => told.push([change.unread, change.mentions]) });
    tell({
      type: 'events',
      events: [
        { type: 'message.posted', seq: 2, at, actor, message: 'm2', text: 'done', mentions: ['user_ada'] },
        { type: 'message.posted', seq: 3, at, actor, message: 'm3', text: 'and @Grace', mentions: ['user_grace'] },
        { type: 'message.posted', seq: 4, at, actor: { kind: 'user', id: 'user_ada' }, message: 'm4', text: 'mine' },
      ],
    });
    expect([room.unread, room.mentions, told.at(-1)]).toEqual([2, 1, [2, 1]]);
    tell({ type: 'events', events: [{ type: 'message.deleted', seq: 5, at, actor, message: 'm2' }] });
    expect([room.unread, room.mentions]).toEqual([1, 0]);
    // Another device has read on.
    tell({ type: 'read', seq: 5 });
    expect(told.at(-1)).toEqual([0, 0]);
  });

  it('is gone once somebody deleted it, and knows that from being put out', async () => {
    for (const [code, deleted] of [[4410, true], [4403, false]] as const) {
      const { room, close } = await aRoom();
      expect(room.deleted).toBe(false);
      close(code);
      expect([room.state, room.deleted]).toEqual(['gone', deleted]);
    }
  });

  it('does not mind frames and events that are newer than this page', async () => {
    const { room, tell } = await aRoom();
    tell({ type: 'weather', rain: true } as never);
    tell({ type: 'events', events: [{ type: 'weather.changed', seq: 2, at, actor } as never] });
    tell({ type: 'events', events: [{ type: 'message.posted', seq: 3, at, actor, message: 'm3', text: 'still here' }] });
    expect(room.connection.name).toBe('live');
    expect([...room.log.messages.keys()]).toEqual(['m1', 'm3']);
  });
});
