import { describe, expect, it } from 'vitest';

import { Refused, Unreachable } from '#lib/api/problem.ts';

import { PreviewAccess } from './preview.svelte.ts';

const MINUTE = 60_000;

function world() {
  let now = 0;
  let made = 0;
  const timers: { at: number; run: () => void }[] = [];
  const it = {
    fail: null as Error | null,
    access: new PreviewAccess({
      token: async (port) => {
        if (it.fail) throw it.fail;
        made += 1;
        return { url: `http://${port}-abc.localhost:8788/?slipway_token=t${made}`, expires_at: new Date(now + 30 * MINUTE).toISOString() };
      },
      now: () => now,
      after: (ms, run) => {
        const timer = { at: now + ms, run };
        timers.push(timer);
        return () => void (timers.includes(timer) && timers.splice(timers.indexOf(timer), 1));
      },
    }),
    waiting: () => timers.length,
    async pass(ms: number) {
      now += ms;
      for (const timer of timers.splice(0).filter((one) => (one.at <= now ? true : (timers.push(one), false)))) timer.run();
      for (let turn = 0; turn < 6; turn += 1) await Promise.resolve();
    },
  };
  return it;
}

describe('access to a preview', () => {
  it('is asked for and shown', async () => {
    const { access } = world();
    await access.open(3000, 1);
    expect([access.state, access.shown]).toEqual(['open', 'http://3000-abc.localhost:8788/?slipway_token=t1']);
  });

  it('goes to a path with its own query, and keeps the token', async () => {
    const { access } = world();
    await access.open(3000, 1);
    access.go('about?x=1');
    expect(access.shown).toBe('http://3000-abc.localhost:8788/about?slipway_token=t1&x=1');
    await access.open(4000, 1);
    expect(access.shown).toBe('http://4000-abc.localhost:8788/?slipway_token=t2');
  });

  it('is renewed before it ends, out of sight: the page stays', async () => {
    const { access, pass } = world();
    await access.open(3000, 1);
    const round = access.round;
    await pass(26 * MINUTE);
    expect(access.renewal).toBeNull();
    await pass(MINUTE);
    expect(access.renewal).toContain('slipway_token=t2');
    expect(access.link).toContain('slipway_token=t2');
    expect([access.shown?.includes('t1'), access.round]).toEqual([true, round]);
  });

  it('is renewed again when that failed, and says so once it has ended', async () => {
    const all = world();
    await all.access.open(3000, 1);
    all.fail = new Unreachable();
    await all.pass(27 * MINUTE);
    expect(all.access.state).toBe('open');
    await all.pass(4 * MINUTE);
    expect([all.access.state, all.access.shown, all.waiting()]).toEqual(['failed', null, 0]);
  });

  it('is over with a grown epoch or a sandbox that stops, and nothing of it stays', async () => {
    for (const [epoch, usable] of [[2, true], [1, false]] as const) {
      const { access, waiting } = world();
      await access.open(3000, 1);
      access.follow(1, true);
      expect(access.state).toBe('open');
      access.follow(epoch, usable);
      expect([access.state, access.shown, access.link, waiting()]).toEqual(['over', null, null, 0]);
    }
  });

  it('does not come back by an answer that was on its way', async () => {
    const { access } = world();
    const asked = access.open(3000, 1);
    access.follow(2, true);
    await asked;
    expect([access.state, access.shown]).toEqual(['over', null]);
  });

  it('tells why it was refused', async () => {
    const all = world();
    all.fail = new Refused({ type: 'about:blank', title: 'Nothing listens on the port', status: 502, code: 'port_closed' });
    await all.access.open(3000, 1);
    expect([all.access.state, all.access.error]).toEqual(['failed', all.fail]);
  });
});
