import { describe, expect, it } from 'vitest';

import type { Event, Receipt } from '#lib/api/events.ts';
import { ChatLog } from '#lib/chat/log.ts';

import { Excerpts } from './excerpts.svelte.ts';
import { groupsOf, nameOf } from './receipt.ts';
import { short } from './tokens.ts';
import { fits, isOver } from './words.ts';

it.each([
  [0, '0'],
  [999, '999'],
  [1_000, '1k'],
  [1_240, '1.2k'],
  [9_960, '10k'],
  [32_000, '32k'],
  [999_600, '1M'],
  [1_340_000, '1.3M'],
])('shows %d tokens as %s', (tokens, text) => expect(short(tokens)).toBe(text));

describe('a receipt', () => {
  const receipt: Receipt = {
    budget: 1_000,
    tokens: 500,
    parts: [
      { kind: 'instructions', tokens: 100 },
      { kind: 'message', tokens: 50, message: 'm1' },
      { kind: 'item', tokens: 200, item: 'ctx_1', title: 'Deploys' },
      { kind: 'message', tokens: 150, message: 'm2' },
    ],
  };

  it('groups its parts by kind, in the order in which they were given', () => {
    expect(groupsOf(receipt).map((group) => [nameOf(group), group.tokens, group.share])).toEqual([
      ['Instructions and tools', 100, 0.1],
      ['2 recent messages', 200, 0.2],
      ['Context item', 200, 0.2],
    ]);
  });

  it('keeps its bar whole where more was given than the budget, or none is known', () => {
    const sum = (one: Receipt): number => groupsOf(one).reduce((total, group) => total + group.share, 0);
    expect(sum({ ...receipt, budget: 100 })).toBeCloseTo(1);
    expect(sum({ ...receipt, budget: 0 })).toBeCloseTo(1);
    expect(groupsOf({ budget: 0, tokens: 0, parts: [] })).toEqual([]);
  });

  it('shows kinds that are newer than this page by their own name', () => {
    expect(nameOf({ kind: 'weather' as never, parts: [] })).toBe('weather');
  });
});

describe('items', () => {
  it('are found by words of title, text and tags', () => {
    const item = { title: 'Deploy days', text: 'On Tuesdays', tags: ['release'] };
    expect([fits(item, 'tues RELEASE'), fits(item, 'friday'), fits(item, 'deploy friday')]).toEqual([true, false, false]);
  });

  it('are over when their time has come', () => {
    const at = '2026-11-21T12:00:00Z';
    expect([isOver({ expires_at: at }, Date.parse(at)), isOver({ expires_at: at }, Date.parse(at) - 1), isOver({}, 0)]).toEqual([true, false, false]);
  });
});

describe('excerpts', () => {
  const msg = (seq: number): string => `msg_${'0'.repeat(32)}${seq.toString(16).padStart(8, '0')}`;
  const event = (seq: number, body: object): Event =>
    ({ seq, at: '2026-11-20T08:00:00Z', actor: { kind: 'user', id: 'user_ada' }, ...body }) as Event;
  const posted = (seq: number, text: string): Event => event(seq, { type: 'message.posted', message: msg(seq), text });
  const settle = async () => {
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };

  it('are of the window where it reaches, and asked for once where it does not', async () => {
    const log = new ChatLog();
    log.append([posted(20, 'here')]);
    const asked: number[] = [];
    const excerpts = new Excerpts(
      () => ({ log, version: 0 }),
      async (seq) => (asked.push(seq), posted(seq, 'far back')),
    );
    excerpts.want([msg(20), msg(3)]);
    excerpts.want([msg(3)]);
    expect(excerpts.of(msg(3))).toBeUndefined();
    await settle();
    expect(asked).toEqual([3]);
    expect(excerpts.of(msg(20))).toMatchObject({ text: 'here', first: false });
    expect(excerpts.of(msg(3))).toMatchObject({ text: 'far back', first: true });
    // An edit that the window holds is the newest word.
    log.append([event(21, { type: 'message.edited', message: msg(3), text: 'changed' })]);
    expect(excerpts.of(msg(3))).toMatchObject({ text: 'changed', first: false });
  });

  it('say that they are not to be had, and are asked for again', async () => {
    const log = new ChatLog();
    let fails = true;
    const excerpts = new Excerpts(
      () => ({ log, version: 0 }),
      async (seq) => (fails ? Promise.reject(new Error('offline')) : posted(seq, 'now')),
    );
    excerpts.want([msg(3)]);
    await settle();
    expect(excerpts.of(msg(3))).toBeNull();
    fails = false;
    excerpts.want([msg(3)]);
    await settle();
    expect(excerpts.of(msg(3))).toMatchObject({ text: 'now' });
  });

  it('are of no other message than the one that was asked for', async () => {
    const excerpts = new Excerpts(() => ({ log: new ChatLog(), version: 0 }), async () => posted(4, 'another'));
    excerpts.want([msg(3)]);
    await settle();
    expect(excerpts.of(msg(3))).toBeNull();
  });
});
