// Forks as tests meet them on the page: begun from a message, written in, with the demo agent to answer and to draft.
import type { Page } from '@playwright/test';

import { type Person, type Place, expect, message } from './people';

/** A draft takes a moment on a busy machine. */
export const DRAFTED = { timeout: 30_000 };

export const panel = (page: Page) => page.getByRole('region', { name: 'Fork', exact: true });
export const forkComposer = (page: Page) => page.getByRole('textbox', { name: 'Message in the fork' });
/** The line of a fork below the message from which it began. */
export const line = (page: Page) => page.locator('main [data-fork]');
export const chatLog = (page: Page) => page.getByRole('log', { name: 'Messages', exact: true });

/** Writes into the open fork and waits until it stands there. */
export async function sayInFork(page: Page, text: string): Promise<void> {
  await forkComposer(page).fill(text);
  await forkComposer(page).press('Enter');
  await expect(forkComposer(page)).toHaveValue('');
  await expect(panel(page).getByRole('article').filter({ hasText: text }).first()).toBeVisible();
}

/** Begins a fork from the message that has the text `from`. */
export async function startFork(page: Page, from: string, description: string): Promise<void> {
  const start = message(page, from).first();
  await start.hover();
  await start.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: 'Start a fork' }).click();
  await page.getByLabel('What shall be settled?').fill(description);
  await page.getByRole('button', { name: 'Start the fork' }).click();
  await expect(panel(page)).toBeVisible();
}

/** Has the chat's default agent be the demo agent of the org. */
export async function withAgent(person: Person, place: Place): Promise<void> {
  const { items } = await person.call<{ items: { id: string; slug: string }[] }>('GET', `/v1/orgs/${place.org}/agents`, undefined, place.org);
  const demo = items.find((agent) => agent.slug === 'demo');
  expect(demo, 'the org has the demo agent').toBeDefined();
  const chat = await person.call<{ participants: { id: { id: string } }[] }>('GET', `/v1/chats/${place.chat}`, undefined, place.org);
  if (!chat.participants.some((one) => one.id.id === demo!.id)) {
    await person.call('POST', `/v1/chats/${place.chat}/participants`, { agent: demo!.id }, place.org);
  }
  await person.call('PATCH', `/v1/chats/${place.chat}`, { default_agent: demo!.id }, place.org);
}
