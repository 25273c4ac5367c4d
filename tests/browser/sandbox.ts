// What the tests of sandboxes share: where things are on the screen, and what people do over the API to get there.
import type { Locator, Page } from '@playwright/test';

import { type Person, type Place, expect } from './people';

export const PORT = 8000;
/** A sandbox starts in well under a second; a busy machine takes longer. */
export const STARTS = { timeout: 45_000 };
/** Access that was cut is over within a second. */
export const CUT = { timeout: 3_000 };
/** The inbox lags the chats by moments and is asked for again every 10 s. */
export const LISTED = { timeout: 30_000 };

export const card = (page: Page, text: string | RegExp = /./): Locator => page.locator('[data-approval]').filter({ hasText: text });
export const openCard = (page: Page): Locator => page.locator('[data-approval][data-state=open]');
export const panel = (page: Page): Locator => page.getByRole('region', { name: 'Sandbox', exact: true });
export const frame = (page: Page) => page.frameLocator(`iframe[title="Preview of port ${PORT}"]`);
export const tab = (page: Page, name: string): Locator => panel(page).getByRole('tab', { name });

export async function openPanel(page: Page): Promise<void> {
  if (!(await panel(page).isVisible())) await page.getByRole('button', { name: /^Sandbox/ }).click();
  await expect(panel(page)).toBeVisible();
}

/** Asks for a sandbox as a person, over the API. */
export const ask = (person: Person, place: Place, reason: string): Promise<{ id: string }> =>
  person.call('POST', `/v1/chats/${place.chat}/sandboxes`, { size: 'small', hosts: [], reason }, place.org);

export const decide = (person: Person, place: Place, approval: string, decision: 'approve' | 'deny'): Promise<unknown> =>
  person.call('POST', `/v1/approvals/${approval}/decision`, { decision }, place.org);

/** Stops what a test started, so that the next one finds room. */
export async function stopAll(person: Person, place: Place): Promise<void> {
  const { items } = await person.call<{ items: { id: string; state: string }[] }>('GET', `/v1/chats/${place.chat}/sandboxes`, undefined, place.org);
  for (const { id, state } of items) {
    if (!['stopped', 'destroyed', 'failed'].includes(state)) await person.call('POST', `/v1/sandboxes/${id}/stop`, undefined, place.org);
  }
}

/** A sandbox that runs: one asks, the other approves. Its id. */
export async function start(person: Person, other: Person, place: Place): Promise<string> {
  const { id } = await ask(person, place, 'To try something');
  await decide(other, place, id, 'approve');
  await expect(person.page.locator('[data-sandbox-news=ready]')).toBeVisible(STARTS);
  const { items } = await person.call<{ items: { id: string; state: string }[] }>('GET', `/v1/chats/${place.chat}/sandboxes`, undefined, place.org);
  return items[0]?.id ?? '';
}

/** Writes a file of a sandbox. */
export const put = (person: Person, place: Place, sandbox: string, path: string, text: string): Promise<unknown> =>
  person.call('PUT', `/v1/sandboxes/${sandbox}/files?path=${encodeURIComponent(path)}`, text, place.org);
