import { describe, expect, it } from 'vitest';

import type { Attachment } from '#lib/api/events.ts';
import { Refused, Unreachable } from '#lib/api/problem.ts';

import { Outbox } from './outbox.ts';

const UNAVAILABLE = new Refused({ type: 'about:blank', title: 'Busy', status: 503, code: 'unavailable', retry_after_s: 5 });

const FILE: Attachment = {
  id: 'att_1', chat: 'chat_1', name: 'a.txt', media_type: 'text/plain', bytes: 5, by: { kind: 'user', id: 'user_ada' }, created_at: '2026-11-20T08:00:00Z',
};

function outbox(kept: string | null = null) {
  const world = {
    kept,
    sent: [] as string[],
    answer: (_text: string): Promise<void> => Promise.resolve(),
  };
  const box = new Outbox({
    send: async ({ clientId, text, attachments = [] }) => {
      world.sent.push([text, ...attachments.map((file) => file.id)].join(' + '));
      await world.answer(text);
      return { message: `msg_${clientId}`, seq: 1, at: '' };
    },
    shelf: { read: () => world.kept, write: (text) => (world.kept = text) },
    changed: () => undefined,
  });
  const settle = async () => {
    for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
  };
  const add = (text: string) => box.add({ clientId: text, text, at: 0 });
  const states = () => box.list.map((one) => `${one.text} ${one.state}`);
  return { world, box, settle, add, states };
}

describe('the outbox', () => {
  it('sends one after the other, and keeps each until the log holds it', async () => {
    const { world, box, settle, add, states } = outbox();
    let release = () => {};
    world.answer = (text) => (text === 'a' ? new Promise((done) => (release = done)) : Promise.resolve());
    add('a');
    add('b');
    await settle();
    expect(world.sent).toEqual(['a']);
    release();
    await settle();
    expect(world.sent).toEqual(['a', 'b']);
    expect(states()).toEqual(['a sent', 'b sent']);
    box.settle(new Set(['a', 'b']));
    expect(box.list).toEqual([]);
    expect(world.kept).toBeNull();
  });

  it('keeps a refused message in its place, with the reason, and goes on', async () => {
    const { world, box, settle, add, states } = outbox();
    world.answer = (text) => (text === 'a' ? Promise.reject(UNAVAILABLE) : Promise.resolve());
    add('a');
    add('b');
    await settle();
    expect(states()).toEqual(['a failed', 'b sent']);
    expect(box.list[0]?.why).toContain('not available');
    world.answer = () => Promise.resolve();
    box.retry('a');
    await settle();
    expect(states()).toEqual(['a sent', 'b sent']);
    expect(world.sent).toEqual(['a', 'b', 'a']);
  });

  it('waits with all that is behind when nothing answers, and sends in order when it does again', async () => {
    const { world, box, settle, add, states } = outbox();
    world.answer = () => Promise.reject(new Unreachable());
    add('a');
    add('b');
    await settle();
    expect(states()).toEqual(['a waiting', 'b waiting']);
    expect(world.sent).toEqual(['a']);
    world.answer = () => Promise.resolve();
    box.flush();
    await settle();
    expect(world.sent).toEqual(['a', 'a', 'b']);
  });

  it('survives a reload: what was on its way goes out again, what failed waits for a person', async () => {
    const first = outbox();
    first.world.answer = (text) => Promise.reject(text === 'a' ? UNAVAILABLE : new Unreachable());
    first.add('a');
    await first.settle();
    first.add('b');
    await first.settle();
    const second = outbox(first.world.kept);
    expect(second.states()).toEqual(['a failed', 'b waiting']);
    second.box.flush();
    await second.settle();
    expect(second.world.sent).toEqual(['b']);
  });

  it('sends the files of a message with it, also after a reload', async () => {
    const first = outbox();
    first.world.answer = () => Promise.reject(new Unreachable());
    first.box.add({ clientId: 'a', text: 'a', at: 0, attachments: [FILE] });
    await first.settle();
    const second = outbox(first.world.kept);
    expect(second.box.list[0]?.attachments).toEqual([FILE]);
    second.box.flush();
    await second.settle();
    expect(second.world.sent).toEqual(['a + att_1']);
  });

  it('lets a message go that is discarded', async () => {
    const { world, box, settle, add } = outbox();
    world.answer = () => Promise.reject(UNAVAILABLE);
    add('a');
    await settle();
    box.discard('a');
    expect(box.list).toEqual([]);
  });

  it('opens empty when what was kept cannot be read', () => {
    expect(outbox('{not json').box.list).toEqual([]);
  });
});
