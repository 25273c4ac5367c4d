import { describe, expect, it } from 'vitest';

import type { ProblemCode } from '#lib/api/events.ts';
import { Refused, Unreachable } from '#lib/api/problem.ts';
import type { ContextItem } from '#lib/api/resources.ts';

import { ContextItems, type ItemPorts, UNDO_MS } from './items.svelte.ts';

const item = (id: string, change: Partial<ContextItem> = {}): ContextItem => ({
  id,
  org: 'org_1',
  scope: 'chat',
  state: 'active',
  title: id,
  text: 'x',
  tags: [],
  created_by: { kind: 'user', id: 'user_ada' },
  created_at: '2026-11-20T08:00:00Z',
  version: 1,
  ...change,
});
const proposal = (id: string): ContextItem => item(id, { state: 'proposed', created_by: { kind: 'agent', id: 'agent_demo' } });
const refusal = (code: ProblemCode): Refused => new Refused({ type: 'about:blank', title: code, status: 409, code });

/** A server with `there`, and timers that run when they are told to. */
function aServer(there: ContextItem[], ports: Partial<ItemPorts> = {}) {
  const server = { there, told: [] as string[], failures: [] as unknown[], timers: new Map<number, () => void>() };
  let next = 0;
  const items = new ContextItems({
    list: async ({ state }) => ({ items: server.there.filter((one) => !state || one.state === state) }),
    create: async (body) => item(`ctx_${body.client_id}`, { title: body.title }),
    update: async (id, body) => {
      server.told.push(`update ${id} ${JSON.stringify(body)}`);
      const now = { ...server.there.find((one) => one.id === id)!, ...body, version: body.version + 1 } as ContextItem;
      server.there = server.there.map((one) => (one.id === id ? now : one));
      return now;
    },
    remove: async (id) => {
      server.told.push(`remove ${id}`);
      server.there = server.there.filter((one) => one.id !== id);
    },
    after: (ms, run) => {
      expect(ms).toBe(UNDO_MS);
      const timer = next++;
      server.timers.set(timer, run);
      return () => void server.timers.delete(timer);
    },
    failed: (error) => void server.failures.push(error),
    ...ports,
  });
  const elapse = async () => {
    for (const [timer, run] of [...server.timers]) {
      server.timers.delete(timer);
      run();
    }
    for (let turn = 0; turn < 6; turn += 1) await Promise.resolve();
  };
  return { server, items, elapse };
}

const ids = (list: ContextItem[]): string[] => list.map((one) => one.id);

describe('context items of a chat', () => {
  it('count what waits before the list is loaded, and tell both apart in it', async () => {
    const { items } = aServer([proposal('p1'), item('a1')]);
    await items.look();
    expect([items.waiting, items.list.state]).toEqual([1, 'idle']);
    await items.load();
    expect([ids(items.proposed), ids(items.active)]).toEqual([['p1'], ['a1']]);
  });

  it('come with a new proposal without losing what is shown', async () => {
    const { items, server } = aServer([item('a1')]);
    await items.load();
    server.there = [proposal('p1'), ...server.there];
    await items.look();
    expect([ids(items.proposed), ids(items.active)]).toEqual([['p1'], ['a1']]);
  });

  it('stay as they are when looking for proposals fails', async () => {
    const { items } = aServer([], { list: async () => Promise.reject(new Unreachable()) });
    await items.look();
    expect(items.waiting).toBe(0);
    await items.load();
    expect(items.list.state).toBe('failed');
  });

  it('are given once a proposal is accepted', async () => {
    const { items, server } = aServer([proposal('p1')]);
    await items.load();
    await items.accept(items.proposed[0]!);
    expect(server.told).toEqual(['update p1 {"version":1,"state":"active"}']);
    expect([ids(items.proposed), ids(items.active), items.waiting]).toEqual([[], ['p1'], 0]);
  });

  it('show what stands where somebody was faster to accept', async () => {
    const { items, server } = aServer([proposal('p1')], { update: async () => Promise.reject(refusal('version_conflict')) });
    await items.load();
    server.there = [item('p1', { version: 2 })];
    await expect(items.accept(items.proposed[0]!)).rejects.toThrow();
    expect([ids(items.proposed), ids(items.active)]).toEqual([[], ['p1']]);
  });
});

describe('a dismissal', () => {
  it('is told after a while', async () => {
    const { items, server, elapse } = aServer([proposal('p1'), proposal('p2')]);
    await items.load();
    items.dismiss(items.proposed[0]!);
    items.dismiss(items.proposed[0]!);
    expect([items.waiting, ids(items.proposed), server.told]).toEqual([1, ['p1', 'p2'], []]);
    await elapse();
    expect([ids(items.proposed), server.told, items.dismissed.size]).toEqual([['p2'], ['remove p1'], 0]);
  });

  it('can be taken back until then', async () => {
    const { items, server, elapse } = aServer([proposal('p1')]);
    await items.load();
    items.dismiss(items.proposed[0]!);
    items.undo('p1');
    await elapse();
    expect([items.waiting, server.told]).toEqual([1, []]);
  });

  it('is told at once when the chat is left', async () => {
    const { items, server, elapse } = aServer([proposal('p1')]);
    await items.load();
    items.dismiss(items.proposed[0]!);
    items.flush();
    expect(server.told).toEqual(['remove p1']);
    await elapse();
    expect(server.told).toEqual(['remove p1']);
  });

  it('that fails lets the proposal stand, and says so', async () => {
    const { items, server, elapse } = aServer([proposal('p1')], { remove: async () => Promise.reject(new Unreachable()) });
    await items.load();
    items.dismiss(items.proposed[0]!);
    await elapse();
    expect([items.waiting, server.failures.length]).toEqual([1, 1]);
  });

  it('of what is gone already is one', async () => {
    const { items, server, elapse } = aServer([proposal('p1')], { remove: async () => Promise.reject(refusal('not_found')) });
    await items.load();
    items.dismiss(items.proposed[0]!);
    await elapse();
    expect([ids(items.proposed), server.failures]).toEqual([[], []]);
  });
});

describe('writing', () => {
  it('puts a new item in front and a changed one in its place', async () => {
    const { items } = aServer([item('a1'), item('a2')]);
    await items.load();
    await items.create({ scope: 'chat', title: 'New', text: 'x', client_id: 'c1' } as never);
    await items.update(item('a2'), { version: 1, title: 'Changed' });
    expect(items.active.map((one) => one.title)).toEqual(['New', 'a1', 'Changed']);
  });

  it('finds what stands now after a conflict, or that nothing does', async () => {
    const { items, server } = aServer([item('a1')]);
    await items.load();
    server.there = [item('a1', { version: 7, title: 'Theirs' })];
    expect((await items.newest('a1'))?.version).toBe(7);
    server.there = [];
    expect(await items.newest('a1')).toBeUndefined();
  });

  it('removes; what is gone already is removed too, and other refusals are told', async () => {
    const { items, server } = aServer([item('a1')]);
    await items.load();
    await items.remove(item('a1'));
    expect([ids(items.active), server.told]).toEqual([[], ['remove a1']]);
    const gone = aServer([item('a1')], { remove: async () => Promise.reject(refusal('not_found')) });
    await gone.items.load();
    await gone.items.remove(item('a1'));
    expect(ids(gone.items.active)).toEqual([]);
    const refused = aServer([item('a1')], { remove: async () => Promise.reject(refusal('forbidden')) });
    await refused.items.load();
    await expect(refused.items.remove(item('a1'))).rejects.toThrow();
    expect(ids(refused.items.active)).toEqual(['a1']);
  });
});
