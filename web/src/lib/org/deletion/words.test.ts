import { describe, expect, it } from 'vitest';

import { Refused, Unreachable } from '#lib/api/problem.ts';
import type { DeletedCount, DeletedKind, Deletion } from '#lib/api/resources.ts';

import type { Subject } from './doomed.ts';
import { type Figure, confirmed, consequences, heading, partsText, removed, steps, whyNot } from './words.ts';

const count = (kind: DeletedKind, much: number, bytes = 0): DeletedCount => ({ kind, count: much, bytes });
const lines = (figures: Figure[]): string[] => figures.map(({ count, label, size }) => `${count} ${label}${size ? `, ${size}` : ''}`);

const CHAT: Subject = { kind: 'chat', org: 'org_1', id: 'chat_1', name: 'Harbour' };
const CHANNEL: Subject = { kind: 'channel', org: 'org_1', id: 'chan_1', name: 'engineering' };
const ORG: Subject = { kind: 'org', id: 'org_1', name: 'Northwind' };
const ACCOUNT: Subject = { kind: 'account', name: 'ada@example.com' };

const deletion = (change: Partial<Deletion> = {}): Deletion => ({
  id: 'del_1',
  subject: { kind: 'channel', id: 'chan_1' },
  asked_by: { kind: 'user', id: 'user_1' },
  asked_at: '2026-11-20T08:00:00Z',
  state: 'running',
  step: 'asked',
  removed: [],
  leftovers: [],
  parts: { all: 0, done: 0 },
  ...change,
});

const refusal = (code: string, status: number, detail?: string): Refused =>
  new Refused({ type: 'about:blank', title: 'Refused', status, code, ...(detail ? { detail } : {}) } as ConstructorParameters<typeof Refused>[0]);

describe('what would go', () => {
  it('is told in numbers and sizes, what people would miss first', () => {
    const { large, small } = consequences(
      { people: 5, removes: [count('approvals', 1), count('attachments', 12, 34 * 1024 * 1024), count('messages', 1204), count('chats', 1)] },
      'chat',
    );
    expect(lines(large)).toEqual(['5 people lose it', '1,204 messages', '12 files, 34 MiB']);
    expect(lines(small)).toEqual(['1 approval']);
  });

  it('says no more than it knows at the bound', () => {
    const { large } = consequences({ people: 1, removes: [count('messages', 100_000), count('chats', 99_999)] }, 'channel');
    expect(lines(large)).toEqual(['1 person loses it', '99,999 chats', '100,000 or more messages']);
  });

  it('tells sandboxes with their snapshots as one thing', () => {
    const both = [count('snapshots', 3, 2048), count('sandboxes', 2)];
    expect(lines(consequences({ people: 0, removes: both }, 'chat').large)).toEqual(['2 sandboxes with their snapshots, 2 KiB']);
    expect(lines(consequences({ people: 0, removes: [count('snapshots', 1)] }, 'chat').large)).toEqual(['1 snapshot of a sandbox']);
  });

  it('shows a kind that is newer than this page by its name', () => {
    const { large, small } = consequences({ people: 0, removes: [count('paper_boats' as DeletedKind, 2)] }, 'chat');
    expect([lines(large), lines(small)]).toEqual([[], ['2 paper boats']]);
  });

  it('is nothing where nothing is', () => {
    expect(consequences({ people: 0, removes: [count('messages', 0)] }, 'account')).toEqual({ large: [], small: [] });
  });
});

it('tells exactly what went', () => {
  const { large, small } = removed(deletion({ removed: [count('channel_members', 2), count('messages', 200_000), count('agents', 0)] }));
  expect(lines(large)).toEqual(['200,000 messages']);
  expect(lines(small)).toEqual(['2 places in channels']);
});

it('shows the step that is under way, and none when all is over', () => {
  const states = (step: Parameters<typeof steps>[0]) => steps(step, 'chat').map((line) => line.state);
  expect(states('asked')).toEqual(['done', 'now', 'ahead', 'ahead', 'ahead', 'ahead']);
  expect(states('forgotten')).toEqual(['done', 'done', 'done', 'done', 'now', 'ahead']);
  expect(states('done')).toEqual(['done', 'done', 'done', 'done', 'done', 'done']);
});

it('counts parts that are over', () => {
  expect(partsText(deletion({ parts: { all: 12, done: 3 } }))).toBe('3 of 12 chats');
  expect(partsText(deletion({ subject: { kind: 'org', id: 'org_1' }, parts: { all: 1, done: 0 } }))).toBe('0 of 1 channel');
  expect(partsText(deletion())).toBe('');
});

it('asks for as much care as there is to lose', () => {
  expect(confirmed(CHAT, '')).toBe(true);
  expect([confirmed(CHANNEL, 'engine'), confirmed(CHANNEL, ' engineering ')]).toEqual([false, true]);
  expect([confirmed(ORG, 'northwind'), confirmed(ORG, 'Northwind')]).toEqual([false, true]);
  expect([confirmed(ACCOUNT, ''), confirmed(ACCOUNT, 'x')]).toEqual([false, true]);
});

it('names what it is about in its heading', () => {
  expect(heading(CHAT, 'asking')).toBe('Delete the chat “Harbour”?');
  expect(heading(ORG, 'running')).toBe('Deleting “Northwind”');
  expect(heading(ACCOUNT, 'asking')).toBe('Delete your account?');
  expect(heading(ACCOUNT, 'done')).toBe('Your account was deleted');
});

it('says what to do about a refusal', () => {
  expect(whyNot(refusal('wrong_credentials', 401), 'account')).toBe('That is not your password.');
  expect(whyNot(refusal('last_owner', 409, 'you are the last owner of Northwind: hand it over, or delete it first'), 'account')).toBe(
    'You are the last owner of Northwind: hand it over, or delete it first.',
  );
  expect(whyNot(refusal('invalid_field', 422), 'org')).toMatch(/not the name of the org/);
  expect(whyNot(refusal('not_found', 404), 'chat')).toMatch(/deleted it already/);
  expect(whyNot(new Unreachable(), 'chat')).toBe('Slipway cannot be reached right now.');
});
