// What the dialog of a deletion says, as text: drawn by the server's renderer, which needs no browser.
import { type Component } from 'svelte';
import { render } from 'svelte/server';
import { expect, it } from 'vitest';

import type { Deletion, DeletionPreview } from '#lib/api/resources.ts';

import Consequences from './Consequences.svelte';
import Progress from './Progress.svelte';
import Report from './Report.svelte';

const draw = (part: unknown, props: object): string => render(part as Component<object>, { props }).body;

const text = (html: string): string =>
  html
    .replace(/<!--.*?-->/gs, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();

const deletion = (change: Partial<Deletion>): Deletion => ({
  id: 'del_1',
  subject: { kind: 'channel', id: 'chan_1' },
  asked_by: { kind: 'user', id: 'user_1' },
  asked_at: '2026-11-20T08:00:00Z',
  state: 'running',
  step: 'closed',
  removed: [],
  leftovers: [],
  parts: { all: 0, done: 0 },
  ...change,
});

const consequences = (preview: DeletionPreview | null, error: unknown = null) =>
  draw(Consequences, { kind: 'account', preview, error, retry: () => undefined, onleave: () => undefined });

it('tells the last owner of an org where to go first', () => {
  const html = consequences({ removes: [], people: 0, last_owner_of: [{ id: 'org_1', name: 'Northwind' }] });
  expect(text(html)).toContain('You are the last owner of an org. Make somebody else an owner, or delete the org first. Northwind');
  expect(html).toContain('href="/o/org_1/members"');
  expect(html).toContain('href="/o/org_1/settings"');
});

it('says that it counts, and that counting failed', () => {
  expect(text(consequences(null))).toBe('Counting what would be removed');
  expect(text(consequences(null, new Error('x')))).toMatch(/^What it would take is not known .* Try again$/);
});

it('shows how many parts are over, and which step is under way', () => {
  const html = draw(Progress, { kind: 'channel', deletion: deletion({ parts: { all: 4, done: 1 } }) });
  expect(html).toMatch(/role="progressbar"[^>]*aria-valuemax="4"[^>]*aria-valuenow="1"/);
  expect(html).toMatch(/data-step="emptied"[^>]*aria-current="step"/);
  expect(text(html)).toContain('1 of 4 chats');
  expect(html).not.toContain('data-stuck');
});

it('says of one that is stuck that it goes on by itself', () => {
  const html = draw(Progress, { kind: 'channel', deletion: deletion({ state: 'stuck' }) });
  expect(text(html)).toContain('It goes on by itself');
});

it('says at the end what went, and that nothing is left', () => {
  const over = deletion({ state: 'done', step: 'done', removed: [{ kind: 'messages', count: 7, bytes: 0 }] });
  const html = draw(Report, { deletion: over });
  expect(text(html)).toBe('Nothing is left. 7 messages');
  expect(html).toContain('data-nothing-left');
});

it('does not say that nothing is left where something is', () => {
  const html = draw(Report, { deletion: deletion({ leftovers: [{ kind: 'snapshots', count: 1, bytes: 0 }] }) });
  expect(html).not.toContain('data-nothing-left');
  expect(text(html)).toContain('1 snapshot of a sandbox');
});
