import { describe, expect, it } from 'vitest';

import type { Attachment } from '#lib/api/events.ts';

import { Refused } from '#lib/api/problem.ts';

import { Links, NoLongerKept } from './links.ts';

const HOUR = 60 * 60_000;

function links() {
  const world = { now: 0, asked: [] as string[], fails: false, gone: false };
  const made = new Links({
    ask: async (id) => {
      world.asked.push(id);
      if (world.fails) throw new Error('no');
      if (world.gone) throw new Refused({ code: 'not_found', title: 'Not found', status: 404 } as Refused['problem']);
      return { attachment: { id } as Attachment, url: `${id}?${world.asked.length}`, expires_at: new Date(world.now + HOUR).toISOString() };
    },
    now: () => world.now,
  });
  return { world, made };
}

describe('addresses of files', () => {
  it('are asked for once, also by many at the same time', async () => {
    const { world, made } = links();
    expect(await Promise.all([made.url('a'), made.url('a'), made.url('b')])).toEqual(['a?1', 'a?1', 'b?2']);
    expect(await made.url('a')).toBe('a?1');
    expect(world.asked).toEqual(['a', 'b']);
  });

  it('are asked for again when they are about to end', async () => {
    const { world, made } = links();
    await made.url('a');
    world.now = HOUR - 5 * 60_000 - 1;
    expect(await made.url('a')).toBe('a?1');
    world.now += 1;
    expect(await made.url('a')).toBe('a?2');
  });

  it('are asked for again when one did not work', async () => {
    const { made } = links();
    await made.url('a');
    expect(await made.url('a', true)).toBe('a?2');
    expect(await made.url('a')).toBe('a?2');
  });

  it('can be asked for again after a refusal', async () => {
    const { world, made } = links();
    world.fails = true;
    await expect(made.url('a')).rejects.toThrow('no');
    world.fails = false;
    expect(await made.url('a')).toBe('a?2');
  });

  it('of what is no longer kept are not asked for again, also by those who had one', async () => {
    const { world, made } = links();
    await made.url('a');
    expect(made.isGone('a')).toBe(false);
    world.gone = true;
    await expect(Promise.all([made.url('a', true), made.url('a', true)])).rejects.toBeInstanceOf(NoLongerKept);
    expect(made.isGone('a')).toBe(true);
    await expect(made.url('a')).rejects.toBeInstanceOf(NoLongerKept);
    expect(world.asked).toEqual(['a', 'a']);
    expect(made.isGone('b')).toBe(false);
  });

  it('are not taken for gone after any other refusal', async () => {
    const { world, made } = links();
    world.fails = true;
    await expect(made.url('a')).rejects.toThrow('no');
    expect(made.isGone('a')).toBe(false);
  });
});
