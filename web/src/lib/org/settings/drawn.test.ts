// What the org's settings say, as text: drawn by the server's renderer, which needs no browser.
import { type Component } from 'svelte';
import { render } from 'svelte/server';
import { expect, it, vi } from 'vitest';

import type { Agent, Channel, ConfigEntry } from '#lib/api/resources.ts';
import { OrgConfig } from '#lib/org/config.ts';
import { type Workspace, provideWorkspace } from '#lib/org/workspace.svelte.ts';

import AgentOrder from './AgentOrder.svelte';
import ChannelOrder from './ChannelOrder.svelte';
import Features from './Features.svelte';
import ForkWords from './ForkWords.svelte';
import type { Part } from './part.ts';

vi.mock('#lib/appearance.svelte.ts', () => ({ appearance: { inOrg: () => undefined } }));

const NOW = '2026-11-20T08:00:00Z';
const channel = (id: string): Channel => ({ id, name: id, visibility: 'public', topic: '', created_at: NOW, unread: 0 });
const agent = (id: string, enabled = true): Agent => ({
  id,
  slug: id,
  name: id,
  instructions: '',
  model: 'demo',
  enabled,
  is_default: false,
  created_at: NOW,
});

const CONFIG = new OrgConfig([
  { key: 'sidebar_layout', value: { order: ['design', 'alpha'], folded: ['alpha'] } },
  { key: 'agent_roster_order', value: ['zoe'] },
  { key: 'fork_terminology', value: { one: 'aside', many: 'asides' }, updated_by: { kind: 'user', id: 'user_ada' }, updated_at: NOW },
  { key: 'features', value: { 'beta.search': true } },
] as ConfigEntry[]);

function draw(part: unknown, manages: boolean, more: Partial<Part> = {}): string {
  const props: Part = { config: CONFIG, manages, busy: false, save: () => Promise.resolve(true), reset: undefined, ...more };
  const stage = (renderer: unknown, given: Part) => {
    const space = {
      channels: { items: ['alpha', 'beta', 'design'].map(channel), hasMore: false },
      agents: { items: [agent('ada', false), agent('zoe')] },
      members: { items: [{ user: 'user_ada', display_name: 'Ada' }] },
    };
    provideWorkspace(() => space as unknown as Workspace);
    (part as (renderer: unknown, given: Part) => void)(renderer, given);
  };
  return render(stage as unknown as Component<Part>, { props, context: new Map() } as never).body;
}

const text = (html: string): string =>
  html
    .replace(/<!--.*?-->/gs, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();

const handles = (html: string): string[] => [...html.matchAll(/aria-label="Move ([a-z]+)"/g)].map((match) => match[1] ?? '');

it('shows an admin the channels in their order, to be moved and folded', () => {
  const html = draw(ChannelOrder, true);
  expect(handles(html)).toEqual(['design', 'alpha', 'beta']);
  expect(html).toMatch(/aria-label="Fold alpha away"[^>]*checked/);
  expect(html).not.toMatch(/aria-label="Fold design away"[^>]*checked/);
  expect(html).toMatch(/aria-label="Move design up"[^>]*disabled/);
  expect(html).toMatch(/aria-label="Move beta down"[^>]*disabled/);
});

it('shows an admin the agents in their order, those that are off too', () => {
  const html = draw(AgentOrder, true);
  expect(handles(html)).toEqual(['zoe', 'ada']);
  expect(text(html)).toContain('Off');
});

it('says who set a word, and offers the way back only to those who may', () => {
  const mine = draw(ForkWords, true, { reset: () => undefined });
  expect(text(mine)).toMatch(/Set by Ada, .* · Back to the default/);
  expect(mine).toMatch(/value="aside"/);
  const theirs = draw(ForkWords, false);
  expect(text(theirs)).toContain('aside, asides');
  expect(text(theirs)).not.toContain('Back to the default');
  expect(theirs).not.toContain('<input');
});

it('gives others nothing to change', () => {
  for (const part of [ChannelOrder, AgentOrder, ForkWords]) expect(draw(part, false)).not.toMatch(/<(input|select|button)/);
  const switches = draw(Features, false);
  expect(switches).toMatch(/role="switch"[^>]*aria-checked="true"[^>]*disabled/);
  expect(switches).not.toMatch(/<(input|form)/);
});
