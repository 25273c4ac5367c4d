import { expect, it } from 'vitest';

import type { Event } from '#lib/api/events.ts';

import { ChatLog } from './log.ts';
import { rowsOf } from './rows.ts';

/** A log of messages from `author minute [day]`, and its rows as text. */
function check(lines: string[], unreadFrom: string | null = null, extra: Partial<Event>[] = []): string[] {
  const log = new ChatLog();
  log.append(
    lines.map((line, index) => {
      const [author, minute, day = '20'] = line.split(' ');
      return {
        seq: index + 1,
        at: new Date(2026, 10, Number(day), 9, Number(minute)).toISOString(),
        actor: { kind: 'user', id: author },
        type: 'message.posted',
        message: `m${index + 1}`,
        text: 'x',
        ...extra[index],
      } as Event;
    }),
  );
  return rowsOf(log, unreadFrom).map((row) =>
    row.kind === 'message'
      ? [row.key, row.grouped && 'grouped', row.quotes && 'quotes', row.forks && 'forked', row.settles && 'settles'].filter(Boolean).join(' ') : row.kind,
  );
}

it('puts messages of one author within five minutes under one name', () => {
  expect(check(['ada 0', 'ada 4', 'ada 10', 'grace 10', 'ada 11'])).toEqual([
    'day',
    'm1',
    'm2 grouped',
    'm3',
    'm4',
    'm5',
  ]);
});

it('begins a new day with its name, and no group goes over midnight', () => {
  expect(check(['ada 0', 'ada 1 21'])).toEqual(['day', 'm1', 'day', 'm2']);
});

it('draws the unread line above the first unread message', () => {
  expect(check(['ada 0', 'ada 1'], 'm2')).toEqual(['day', 'm1', 'unread', 'm2']);
});

it('keeps the key of the pending message, and of the turn, for the message that they become', () => {
  expect(check(['ada 0', 'demo 1'], null, [{ client_id: 'c1' }, { turn: 't1' }] as Partial<Event>[])).toEqual([
    'day',
    'c1',
    't1',
  ]);
});

it('gives a reply a head and its quote, but for an answer right below its question', () => {
  const replies = [{}, { reply_to: 'm1' }, { reply_to: 'm2', turn: 't1' }, { reply_to: 'm1', turn: 't2' }] as Partial<Event>[];
  expect(check(['ada 0', 'ada 1', 'demo 2', 'demo 3'], null, replies)).toEqual([
    'day',
    'm1',
    'm2 quotes',
    't1',
    't2 quotes',
  ]);
});

it('puts a fork below the message that it began from, leaves its messages out, and names the summary', () => {
  const extra = [
    {},
    {},
    { type: 'fork.created', fork: 'f1', message: 'm2', description: 'Which?' },
    { fork: 'f1' },
    { type: 'fork.resolved', fork: 'f1', message: 'm6', evidence: ['m4'] },
    {},
    {},
  ] as Partial<Event>[];
  expect(check(['ada 0', 'ada 1', 'ada 1', 'ada 2', 'ada 2', 'ada 3', 'ada 3'], null, extra)).toEqual([
    'day',
    'm1',
    'm2 grouped forked',
    'notices',
    'm6 settles',
    'm7',
  ]);
});
