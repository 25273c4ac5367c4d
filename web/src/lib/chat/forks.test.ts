import { describe, expect, it } from 'vitest';

import type { Actor, Event } from '#lib/api/events.ts';
import type { Fork } from '#lib/api/resources.ts';

import { seqIn } from './forks.ts';
import { ChatLog } from './log.ts';

const ADA: Actor = { kind: 'user', id: 'user_ada' };
const GRACE: Actor = { kind: 'user', id: 'user_grace' };
const DEMO: Actor = { kind: 'agent', id: 'agent_demo' };

type Body = Event extends infer E ? (E extends Event ? Omit<E, 'seq' | 'at' | 'actor'> : never) : never;

const events = (...bodies: [Actor, Body][]): Event[] =>
  bodies.map(([actor, body], index) => ({
    seq: index + 1,
    at: new Date(Date.UTC(2026, 10, 20, 8, 0, index)).toISOString(),
    actor,
    ...body,
  })) as Event[];

const HISTORY = events(
  [ADA, { type: 'message.posted', message: 'm1', text: 'Which one?' }],
  [ADA, { type: 'fork.created', fork: 'f1', message: 'm1', description: 'Choose' }],
  [GRACE, { type: 'message.posted', message: 'm3', text: 'B', fork: 'f1' }],
  [ADA, { type: 'message.posted', message: 'm4', text: 'meanwhile' }],
  [ADA, { type: 'reaction.added', message: 'm3', emoji: '👍' }],
  [ADA, { type: 'turn.queued', turn: 't1', agent: 'agent_demo', cause: 'm3', depth: 0, fork: 'f1', draft: true }],
  [DEMO, { type: 'turn.started', turn: 't1', attempt: 1 }],
  [DEMO, { type: 'message.posted', message: 'm8', text: 'B [3]', turn: 't1', fork: 'f1' }],
  [DEMO, { type: 'turn.completed', turn: 't1', message: 'm8', model: 'demo', usage: { input_tokens: 1, output_tokens: 1 } }],
  [ADA, { type: 'fork.resolved', fork: 'f1', message: 'm11', draft: 'm8', evidence: ['m3'] }],
  [ADA, { type: 'message.posted', message: 'm11', text: 'B' }],
);

const FORK = {
  id: 'f1', chat: 'c', message: 'm1', description: 'Choose', state: 'open', created_by: ADA, created_at: '2026-11-20T08:00:01Z',
  message_count: 1, last_message_at: '2026-11-20T08:00:02Z', participants: [{ kind: 'user', id: 'user_grace' }],
} as Fork;

/** A log of the chat, or of a fork, from `seq` on. */
function aLog(scope?: string, upTo = HISTORY.length): ChatLog {
  const log = new ChatLog(scope);
  log.append(HISTORY.slice(0, upTo));
  return log;
}

describe('the log of a chat with a fork', () => {
  it('leaves the messages and turns of the fork out, and knows how the fork stands', () => {
    const log = aLog();
    expect([...log.messages.keys()]).toEqual(['m1', 'm4', 'm11']);
    expect(log.forks.views.get('f1')).toMatchObject({
      state: 'resolved',
      count: 2,
      people: ['user_grace', 'agent_demo'],
      draft: 'm8',
      settlement: { message: 'm11', evidence: ['m3'] },
    });
    expect(log.forks.settledBy.get('m11')?.id).toBe('f1');
    expect(aLog(undefined, 7).openTurns).toEqual([]);
    expect(aLog(undefined, 7).openTurnsOf('f1').map((turn) => turn.id)).toEqual(['t1']);
  });

  it('says while its draft is on the way, and that it failed', () => {
    const log = aLog(undefined, 7);
    expect(log.forks.views.get('f1')).toMatchObject({ drafting: 't1', draftFailed: false });
    const failure = { code: 'internal', detail: '' } as never;
    log.append([{ type: 'turn.failed', seq: 8, at: HISTORY[7]!.at, actor: DEMO, turn: 't1', failure }]);
    expect(log.forks.views.get('f1')).toMatchObject({ drafting: undefined, draftFailed: true });
    expect(log.entries.filter((entry) => entry.kind === 'turn')).toEqual([]);
  });

  it('counts what came after a description once, however the window was cut', () => {
    for (let cut = 0; cut < HISTORY.length; cut += 1) {
      const log = new ChatLog();
      log.seed({ participants: [], open_turns: [], open_forks: [FORK], head: 4 });
      log.append(HISTORY.slice(cut));
      log.prepend(HISTORY.slice(0, cut));
      expect(log.forks.views.get('f1'), `cut before event ${cut + 1}`).toMatchObject({ count: 2, state: 'resolved', draft: 'm8' });
    }
  });

  it('keeps an end that it saw when an older description arrives late', () => {
    const log = aLog();
    log.takeFork(FORK, 4);
    log.takeFork(FORK, 99);
    expect(log.forks.views.get('f1')?.state).toBe('resolved');
  });
});

describe('the log of a fork', () => {
  it('holds what is said there and what happens to it, with gaps', () => {
    const log = aLog('f1');
    expect([...log.messages.values()].map((one) => [one.id, one.reactions.length])).toEqual([['m3', 1], ['m8', 0]]);
    expect(log.turns.get('t1')?.state).toBe('completed');
    expect(log.entries.map((entry) => (entry.kind === 'notice' ? entry.event.type : entry.kind))).toEqual([
      'fork.created',
      'message',
      'message',
      'fork.resolved',
    ]);
  });

  it('comes out the same from a page of its own events and older ones before it', () => {
    const own = HISTORY.filter((event) => aLog('f1').concerns(event));
    expect(own.map((event) => event.seq)).toEqual([2, 3, 5, 6, 7, 8, 9, 10]);
    const log = new ChatLog('f1');
    log.append(own.slice(4));
    expect(log.prepend(own.slice(0, 4))).toBe(true);
    expect([...log.messages.values()].map((one) => [one.id, one.reactions.length])).toEqual([['m3', 1], ['m8', 0]]);
  });
});

it('reads the number of an event from an id', () => {
  expect(seqIn(`fork_${'0'.repeat(32)}0000001f`)).toBe(31);
});
