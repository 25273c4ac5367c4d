import { expect, it } from 'vitest';

import { Refused, Unreachable } from '#lib/api/problem.ts';
import type { Deletion } from '#lib/api/resources.ts';

import { Watch } from './watch.ts';

const stands = (state: Deletion['state']): Deletion => ({
  id: 'del_1',
  subject: { kind: 'chat', id: 'chat_1' },
  asked_by: { kind: 'user', id: 'user_1' },
  asked_at: '2026-11-20T08:00:00Z',
  state,
  step: state === 'done' ? 'done' : 'asked',
  removed: [],
  leftovers: [],
  parts: { all: 0, done: 0 },
});

/** A watch whose time and answers the test holds in its hands. */
function watching(answer: () => Promise<Deletion> = () => Promise.resolve(stands('running'))) {
  const world = {
    answer,
    visible: true,
    asked: 0,
    told: [] as string[],
    timer: null as { ms: number; run: () => void } | null,
  };
  const watch = new Watch({
    read: () => {
      world.asked += 1;
      return world.answer();
    },
    took: (deletion) => world.told.push(deletion.state),
    lost: () => world.told.push('lost'),
    visible: () => world.visible,
    after: (ms, run) => {
      const timer = { ms, run };
      world.timer = timer;
      return () => {
        if (world.timer === timer) world.timer = null;
      };
    },
  });
  /** Lets the next wait pass; how long it was. */
  const pass = async (): Promise<number | null> => {
    const timer = world.timer;
    if (!timer) return null;
    world.timer = null;
    timer.run();
    await new Promise((done) => setImmediate(done));
    return timer.ms;
  };
  watch.start();
  return { watch, world, pass };
}

it('asks less and less often, up to four seconds, and no more once it is over', async () => {
  const { world, pass } = watching();
  const waits: (number | null)[] = [];
  for (let turn = 0; turn < 7; turn += 1) waits.push(await pass());
  expect(waits.map((ms) => Math.round(ms ?? 0))).toEqual([400, 640, 1024, 1638, 2621, 4000, 4000]);
  world.answer = () => Promise.resolve(stands('done'));
  await pass();
  expect(world.told.at(-1)).toBe('done');
  expect(world.timer).toBeNull();
});

it('asks nothing while nobody looks, and at once when somebody does', async () => {
  const { watch, world, pass } = watching();
  world.visible = false;
  await pass();
  expect([world.asked, world.timer]).toEqual([0, null]);
  watch.look();
  expect(world.asked).toBe(0);
  world.visible = true;
  watch.look();
  watch.look();
  await new Promise((done) => setImmediate(done));
  expect(world.asked).toBe(1);
  expect(world.timer).not.toBeNull();
});

it('goes on after an answer that did not come, and after being stuck', async () => {
  const { world, pass } = watching(() => Promise.reject(new Unreachable()));
  await pass();
  expect([world.told, world.timer === null]).toEqual([[], false]);
  world.answer = () => Promise.resolve(stands('stuck'));
  await pass();
  expect([world.told, world.timer === null]).toEqual([['stuck'], false]);
});

it('ends when the report is not open any more', async () => {
  const gone = new Refused({ type: 'about:blank', title: 'Not found', status: 404, code: 'not_found' });
  const { world, pass } = watching(() => Promise.reject(gone));
  await pass();
  expect([world.told, world.timer]).toEqual([['lost'], null]);
});

it('says nothing after it was stopped', async () => {
  let settle: (deletion: Deletion) => void = () => undefined;
  const { watch, world, pass } = watching(() => new Promise((resolve) => (settle = resolve)));
  await pass();
  watch.stop();
  settle(stands('done'));
  await new Promise((done) => setImmediate(done));
  expect([world.told, world.timer]).toEqual([[], null]);
});
