import { readFileSync } from 'node:fs';

import { beforeEach, expect, it, vi } from 'vitest';

const FIRST = readFileSync(new URL('../../static/appearance.js', import.meta.url), 'utf8');

let kept: string | null;
let dataset: Record<string, string>;

beforeEach(() => {
  kept = null;
  dataset = {};
  vi.resetModules();
  vi.stubGlobal('localStorage', { getItem: () => kept, setItem: (_: string, text: string) => void (kept = text) });
  // A device that is set to light.
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => undefined }));
  vi.stubGlobal('document', { documentElement: { dataset }, querySelector: () => null });
});

/** A page as it loads: what stands before the first paint, and once the app is there. */
async function load() {
  new Function(FIRST)();
  const first = dataset.theme;
  const { appearance } = await import('./appearance.svelte.ts');
  appearance.apply();
  expect(dataset.theme, 'the app changes nothing').toBe(first);
  return { appearance, theme: first };
}

it('has the theme of the org where a person has not chosen, also before the org is known again', async () => {
  const { appearance, theme } = await load();
  expect(theme).toBe('light');
  appearance.inOrg('dark');
  expect(dataset.theme).toBe('dark');
  vi.resetModules();
  expect((await load()).theme).toBe('dark');
});

it('keeps what a person chose, whatever the org sets', async () => {
  const { appearance } = await load();
  appearance.theme = 'light';
  appearance.save();
  appearance.inOrg('dark');
  expect(dataset.theme).toBe('light');
  vi.resetModules();
  const again = await load();
  expect(again.theme).toBe('light');
  again.appearance.theme = 'org';
  again.appearance.save();
  expect(dataset.theme).toBe('dark');
});

it('takes a choice that was kept before orgs had a theme', async () => {
  kept = JSON.stringify({ theme: 'dark', contrast: 'system' });
  expect((await load()).theme).toBe('dark');
  vi.resetModules();
  kept = JSON.stringify({ theme: 'system' });
  const { appearance, theme } = await load();
  expect([appearance.theme, theme]).toEqual(['system', 'light']);
});

it('holds out against a store that is broken', async () => {
  kept = '{"theme": ';
  expect((await load()).theme).toBe('light');
});
