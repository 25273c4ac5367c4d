// What an org sets for itself, by hand and as the others see it: the order of channels and agents, the word for forks, the
// theme of those who have not chosen.
import type { Page } from '@playwright/test';

import { check } from './checks';
import { type Person, type Place, aChat, composer, enter, expect, message, post, test } from './people';

const settings = (page: Page) => page.getByRole('region', { name: 'Org', exact: true });
const sidebar = (page: Page) => page.getByRole('navigation', { name: 'Workspace' });
const channels = (page: Page) => sidebar(page).locator('a[href*="/c/"]');
const order = (page: Page, of: string) => settings(page).getByRole('list', { name: `Order of the ${of}` }).getByRole('listitem');

async function openSettings(person: Person, place: Place): Promise<void> {
  await person.page.goto(`/o/${place.org}/settings`);
  await expect(settings(person.page).getByText('Word for side discussions')).toBeVisible();
}

async function saved(page: Page, button: string): Promise<void> {
  await page.getByRole('button', { name: button, exact: true }).click();
  await expect(page.getByRole('button', { name: button, exact: true })).toBeDisabled();
}

test('an admin puts the channels in order, by keys, by steps and by dragging, and folds one away', async ({ cast }) => {
  test.setTimeout(120_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Order', [grace]);
  for (const name of ['alpha', 'beta']) {
    await ada.call('POST', `/v1/orgs/${place.org}/channels`, { name, visibility: 'public', topic: '' }, place.org);
  }
  await openSettings(ada, place);
  const { page } = ada;
  await expect(order(page, 'channels')).toContainText(['alpha', 'beta', 'engineering', 'general']);

  await test.step('with the keys of a handle', async () => {
    const handle = page.getByRole('button', { name: 'Move general', exact: true });
    await handle.focus();
    await page.keyboard.press('Home');
    await expect(order(page, 'channels')).toContainText(['general', 'alpha', 'beta', 'engineering']);
    await expect(handle).toBeFocused();
    await page.keyboard.press('ArrowDown');
    await expect(order(page, 'channels')).toContainText(['alpha', 'general', 'beta', 'engineering']);
    await expect(settings(page).getByRole('status').filter({ hasText: 'general, place 2 of 4' })).toHaveCount(1);
  });

  await test.step('with a step', async () => {
    await page.getByRole('button', { name: 'Move engineering up', exact: true }).click();
    await expect(order(page, 'channels')).toContainText(['alpha', 'general', 'engineering', 'beta']);
  });

  await test.step('with the pointer, and Escape leaves it as it was', async () => {
    const handle = page.getByRole('button', { name: 'Move beta', exact: true });
    await handle.scrollIntoViewIfNeeded();
    const first = await order(page, 'channels').first().boundingBox();
    await handle.hover();
    await page.mouse.down();
    await page.mouse.move(first!.x + 20, first!.y + 4, { steps: 5 });
    await page.keyboard.press('Escape');
    await page.mouse.up();
    await expect(order(page, 'channels')).toContainText(['alpha', 'general', 'engineering', 'beta']);
    await handle.hover();
    await page.mouse.down();
    await page.mouse.move(first!.x + 20, first!.y + 4, { steps: 5 });
    await page.mouse.up();
    await expect(order(page, 'channels')).toContainText(['beta', 'alpha', 'general', 'engineering']);
  });

  await test.step('it is everybody’s once it is saved', async () => {
    await page.getByLabel('Fold alpha away').check();
    await check(page, 'settings of the org');
    await saved(page, 'Save channels');
    await expect(channels(page)).toContainText(['beta', 'general', 'engineering']);
    await expect(sidebar(page).getByRole('link', { name: 'alpha' })).toHaveCount(0);

    await enter(grace, place);
    await expect(channels(grace.page)).toContainText(['beta', 'general', 'engineering']);
    const fold = sidebar(grace.page).getByRole('button', { name: 'Folded away' });
    await expect(fold).toHaveAttribute('aria-expanded', 'false');
    await fold.click();
    await sidebar(grace.page).getByRole('link', { name: 'alpha' }).click();
    await expect(grace.page).toHaveURL(/\/c\/chan_/);
    await check(grace.page, 'a channel that is folded away');
    await fold.click();
    await expect(sidebar(grace.page).getByRole('link', { name: 'alpha' }), 'where one is stays to be seen').toBeVisible();
  });

  await test.step('and back', async () => {
    await page.getByRole('button', { name: 'Channels in the sidebar: back to the default' }).click();
    await expect(order(page, 'channels')).toContainText(['alpha', 'beta', 'engineering', 'general']);
    await expect(channels(page)).toContainText(['alpha', 'beta', 'engineering', 'general']);
  });
});

test('forks are called as the org says, everywhere', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Words');
  await post(ada, place, 'Which port do we take?');
  await openSettings(ada, place);
  const { page } = ada;
  await page.getByLabel('One', { exact: true }).fill('aside');
  await page.getByLabel('Several', { exact: true }).fill('asides');
  await saved(page, 'Save words');
  await expect(settings(page).getByText('Open asides in a chat')).toBeVisible();
  await page.getByLabel('Open asides in a chat').selectOption('1');
  await expect(settings(page).locator('[data-setting=max_forks_per_thread]')).toContainText('Set by Ada');

  await enter(ada, place);
  await expect(page.getByRole('button', { name: /^Asides/ })).toBeVisible();
  await message(page, 'Which port').first().focus();
  await page.keyboard.press('f');
  await expect(page.getByRole('dialog', { name: 'Start an aside' })).toBeVisible();
  await page.getByLabel('What shall be settled?').fill('The port');
  await page.getByRole('button', { name: 'Start the aside' }).click();
  await expect(page.getByRole('region', { name: 'Aside', exact: true })).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'Message in the aside' })).toBeFocused();
  await expect(page.getByRole('log', { name: 'Messages', exact: true })).toContainText('started an aside');
  await page.keyboard.press('Escape');
  await expect(page.locator('main')).not.toContainText(/\bforks?\b/i);

  // The org allows one.
  await message(page, 'Which port').first().focus();
  await page.keyboard.press('f');
  await page.getByLabel('What shall be settled?').fill('One more');
  await page.getByRole('button', { name: 'Start the aside' }).click();
  await expect(page.getByRole('dialog', { name: 'Start an aside' })).toContainText('At most 1 asides of a chat are open');
});

test('the theme of the org is for those who have not chosen', async ({ cast }) => {
  const ada = await cast.person('Ada', { colorScheme: 'light' });
  const grace = await cast.person('Grace', { colorScheme: 'light' });
  const place = await aChat(ada, 'Theme', [grace]);
  await openSettings(ada, place);
  await settings(ada.page).getByLabel('Theme of the org').selectOption('dark');
  await expect(ada.page.locator('html')).toHaveAttribute('data-theme', 'dark');

  await enter(grace, place);
  await expect(grace.page.locator('html')).toHaveAttribute('data-theme', 'dark');
  // Also before the org is known, from then on.
  await grace.page.goto('/nowhere');
  await expect(grace.page.locator('html')).toHaveAttribute('data-theme', 'dark');

  await openSettings(grace, place);
  await expect(settings(grace.page).getByRole('combobox')).toHaveCount(0);
  await expect(settings(grace.page).getByText('Admins put them in order.').first()).toBeVisible();
  await grace.page.getByRole('group', { name: 'Theme' }).getByText('Light', { exact: true }).click();
  await expect(grace.page.locator('html')).toHaveAttribute('data-theme', 'light');
  await grace.page.reload();
  await expect(grace.page.locator('html')).toHaveAttribute('data-theme', 'light');
  await check(grace.page, 'settings of the org, to be seen only');
});

test('agents are offered in the order of the org, switches are set, and all of it works on a phone', async ({ cast }) => {
  const ada = await cast.person('Ada', { viewport: { width: 320, height: 640 } });
  const place = await aChat(ada, 'Agents');
  for (const slug of ['alfred', 'zelda']) {
    await ada.call('POST', `/v1/orgs/${place.org}/agents`, { slug, name: slug, instructions: '', model: 'demo', is_default: false }, place.org);
  }
  await openSettings(ada, place);
  const { page } = ada;
  await page.getByRole('button', { name: 'Move zelda', exact: true }).focus();
  await page.keyboard.press('Home');
  await expect(order(page, 'agents').first()).toContainText('zelda');
  await saved(page, 'Save agents');

  await page.getByLabel('New switch').fill('Not a name');
  await page.getByRole('button', { name: 'Add switch' }).click();
  await expect(settings(page).getByText('Use a-z, 0-9, underscore')).toBeVisible();
  await page.getByLabel('New switch').fill('beta.search');
  await page.getByRole('button', { name: 'Add switch' }).click();
  await page.getByRole('switch', { name: 'beta.search' }).click();
  await expect(page.getByRole('switch', { name: 'beta.search' })).toHaveAttribute('aria-checked', 'false');
  await page.getByLabel('Agent of new chats').selectOption({ label: 'zelda' });
  await expect(settings(page).locator('[data-setting=default_agent]')).toContainText('Set by Ada');
  await check(page, 'settings of the org on a phone');

  await enter(ada, place);
  await composer(page).pressSequentially('@');
  await expect(page.getByRole('listbox').getByRole('option')).toContainText(['Demo', 'zelda', 'alfred']);
});
