import { expect, it } from 'vitest';

import type { Agent, Channel, ConfigEntry } from '#lib/api/resources.ts';

import { OrgConfig } from './config.ts';

const channel = (id: string): Channel => ({ id, name: id, visibility: 'public', topic: '', created_at: '2026-11-20T08:00:00Z', unread: 0 });
const agent = (id: string): Agent => ({
  id,
  slug: id,
  name: id,
  instructions: '',
  model: 'demo',
  enabled: true,
  is_default: false,
  created_at: '2026-11-20T08:00:00Z',
});
const config = (values: Record<string, unknown>) =>
  new OrgConfig(Object.entries(values).map(([key, value]) => ({ key, value }) as ConfigEntry));
const ids = (items: { id: string }[]) => items.map((item) => item.id);

it('stands by default where nothing is set, or what is set does not fit', () => {
  for (const one of [
    new OrgConfig(),
    config({ theme: 'sepia', fork_terminology: { one: 7 }, sidebar_layout: 'x', agent_roster_order: null, features: ['x'], max_forks_per_thread: '9' }),
  ]) {
    expect(one.words).toEqual({ one: 'fork', many: 'forks' });
    expect(one.theme).toBe('system');
    expect(one.layout).toEqual({ order: [], folded: [] });
    expect(one.roster).toEqual([]);
    expect(one.maxForks).toBe(5);
    expect(one.defaultAgent).toBeNull();
    expect(one.archiveAfterDays).toBe(2);
    expect(one.features).toEqual({});
  }
});

it('reads what is set', () => {
  const one = config({ theme: 'dark', archive_after_days: null, max_forks_per_thread: 0, features: { beta: true, old: 'yes' } });
  expect([one.theme, one.archiveAfterDays, one.maxForks, one.features]).toEqual(['dark', null, 0, { beta: true }]);
});

it('puts channels in the order of the org, folded ones apart, new ones behind by name', () => {
  const all = ['a', 'b', 'c', 'd', 'e'].map(channel);
  const { shown, folded } = config({ sidebar_layout: { order: ['d', 'gone', 'b', 'a'], folded: ['a', 'c'] } }).places(all);
  expect(ids(shown)).toEqual(['d', 'b', 'e']);
  expect(ids(folded)).toEqual(['a', 'c']);
  expect(ids(new OrgConfig().places(all).shown)).toEqual(['a', 'b', 'c', 'd', 'e']);
});

it('offers agents in the order of the org, the others by name', () => {
  const all = ['zoe', 'ada', 'bot'].map(agent);
  expect(ids(config({ agent_roster_order: ['zoe'] }).agents(all))).toEqual(['zoe', 'ada', 'bot']);
  expect(ids(new OrgConfig().agents(all))).toEqual(['ada', 'bot', 'zoe']);
});

it('takes over one key at a time', () => {
  const before = config({ theme: 'dark', max_forks_per_thread: 3 });
  const after = before.with({ key: 'theme', value: 'light' } as ConfigEntry);
  expect([before.theme, after.theme, after.maxForks]).toEqual(['dark', 'light', 3]);
});
