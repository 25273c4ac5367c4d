import { describe, expect, it } from 'vitest';

import type { Attachment } from '#lib/api/events.ts';

import { Links } from './links.ts';

const HOUR = 60 * 60_000;

function links() {
  const world = { now: 0, asked: [] as string[], fails: false };
  const made = new Links({
    ask: async (id) => {
      world.asked.push(id);
      if (world.fails) throw new Error('no');
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
});
