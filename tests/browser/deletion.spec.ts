// Deleting: what goes is told before, how far it is meanwhile, and that nothing is left at the end; for chats, channels, orgs and
// accounts. And how long an org keeps things.
import { randomUUID } from 'node:crypto';

import type { Locator, Page } from '@playwright/test';

import { check } from './checks';
import { PASSWORD, type Person, type Place, aChat, enter, expect, message, post, say, test } from './people';

/** A deletion begins at once and passes several Workers; what it has to wait for comes by the minute's sweep. */
const DELETED = { timeout: 120_000 };
/** The org's index lags the chats by moments. */
const INDEXED = { timeout: 30_000 };

const dialog = (page: Page): Locator => page.getByRole('dialog');
const stage = (page: Page, phase: 'asking' | 'running' | 'done'): Locator => dialog(page).locator(`[data-deletion=${phase}]`);
const figure = (page: Page, kind: string): Locator => dialog(page).locator(`[data-figure=${kind}]`);
/** By its address: what lies behind a dialog has no role for as long. */
const line = (page: Page, place: Place): Locator => page.locator(`section a[href$="${place.chat}"]`);

async function choose(page: Page, menu: string, entry: string): Promise<void> {
  await page.getByRole('button', { name: menu, exact: true }).click();
  await page.getByRole('menuitem', { name: entry, exact: true }).click();
}

/** The counts are there. */
async function counted(page: Page): Promise<void> {
  await expect(dialog(page).getByText('What stays')).toBeVisible();
}

/** It is over, and nothing is left. */
async function over(page: Page): Promise<void> {
  await expect(stage(page, 'done')).toBeVisible(DELETED);
  await expect(dialog(page).locator('[data-nothing-left]')).toHaveText('Nothing is left.');
}

async function done(page: Page): Promise<void> {
  await dialog(page).getByRole('button', { name: 'Done', exact: true }).click();
  await expect(dialog(page)).toHaveCount(0);
}

async function found(page: Page, place: Place, words: string, count: number): Promise<void> {
  await page.goto(`/o/${place.org}/search`);
  const field = page.getByRole('searchbox', { name: 'Search messages' });
  const hits = page.getByRole('list', { name: 'Messages found' }).getByRole('link');
  await expect(async () => {
    await field.fill('');
    await field.fill(words);
    if (count === 0) await expect(page.getByText('Nothing found')).toBeVisible({ timeout: 2_000 });
    await expect(hits).toHaveCount(count, { timeout: 2_000 });
  }).toPass(INDEXED);
}

test('a chat with messages, a file and a fork is deleted from its menu, and is gone for everybody', async ({ cast }) => {
  test.setTimeout(300_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Harbour', [grace]);
  const { page } = ada;

  await test.step('there is something to lose', async () => {
    const first = await ada.call<{ message: string }>(
      'POST',
      `/v1/chats/${place.chat}/messages`,
      { client_id: randomUUID(), text: 'The lighthouse needs paint' },
      place.org,
    );
    await ada.call(
      'POST',
      `/v1/chats/${place.chat}/forks`,
      { message: first.message, description: 'Choose the colour', client_id: randomUUID() },
      place.org,
    );
    await post(ada, place, 'White, as before');
    await enter(ada, place);
    await page.locator('main input[type=file]').setInputFiles({ name: 'tides.txt', mimeType: 'text/plain', buffer: Buffer.from('Low water at noon.\n') });
    await expect(page.locator('main [data-upload=done]')).toHaveCount(1, { timeout: 30_000 });
    await say(page, 'The lighthouse at low water');
    await expect(message(page, 'The lighthouse at low water').first()).toBeVisible();
    // What the index knows is what is counted.
    await found(page, place, 'lighthouse', 2);
    await enter(ada, place);
    await enter(grace, place);
    await expect(message(grace.page, 'The lighthouse at low water').first()).toBeVisible();
  });

  await test.step('who only takes part is not offered to delete it', async () => {
    await grace.page.getByRole('button', { name: 'More about this chat' }).click();
    await expect(grace.page.getByRole('menuitem', { name: 'Copy link' })).toBeVisible();
    await expect(grace.page.getByRole('menuitem', { name: 'Delete chat…' })).toHaveCount(0);
    await grace.page.keyboard.press('Escape');
  });

  await test.step('what goes is told before anything happens', async () => {
    await choose(page, 'More about this chat', 'Delete chat…');
    await expect(page.getByRole('dialog', { name: 'Delete the chat “Harbour”?' })).toBeVisible();
    await counted(page);
    await expect(figure(page, 'people')).toHaveText(/^\s*2\s*people lose it\s*$/);
    await expect(figure(page, 'messages')).toHaveText(/^\s*3\s*messages/);
    await expect(figure(page, 'attachments')).toHaveText(/^\s*1\s*file\s*19 bytes\s*$/);
    await expect(dialog(page)).toContainText('The audit log keeps that it was deleted');
    await check(page, 'what a deletion takes');
    await dialog(page).getByRole('button', { name: 'Cancel' }).click();
    await expect(dialog(page)).toHaveCount(0);
    await expect(message(page, 'The lighthouse needs paint').first(), 'nothing has happened').toBeVisible();
  });

  await test.step('it is out of the list at once, and gone in the end', async () => {
    await choose(page, 'More about this chat', 'Delete chat…');
    await dialog(page).getByRole('button', { name: 'Delete chat', exact: true }).click();
    await expect(page).toHaveURL(new RegExp(`/c/${place.channel}$`));
    await expect(line(page, place)).toHaveCount(0);
    await over(page);
    await expect(page.getByRole('dialog', { name: '“Harbour” was deleted' })).toBeVisible();
    await expect(figure(page, 'messages')).toContainText('messages');
    await expect(figure(page, 'attachments')).toContainText('file');
    await check(page, 'the report of a deletion');
    await done(page);
  });

  await test.step('who had it open is told, and finds the way back', async () => {
    await expect(grace.page.locator('[data-gone=deleted]')).toContainText('This chat was deleted');
    await expect(line(grace.page, place)).toHaveCount(0);
    await check(grace.page, 'a chat that was deleted meanwhile');
    await grace.page.getByRole('link', { name: 'Back to the channel' }).click();
    await expect(grace.page).toHaveURL(new RegExp(`/c/${place.channel}$`));
    await expect(grace.page.getByText('No chats yet')).toBeVisible();
  });

  await test.step('it is neither found nor opened any more', async () => {
    for (const person of [ada, grace]) {
      await found(person.page, place, 'lighthouse', 0);
      await person.page.goto(place.path);
      await expect(person.page.locator('[data-gone=closed]')).toContainText('This chat is not open to you');
      await expect(line(person.page, place)).toHaveCount(0);
    }
  });
});

test('a chat is deleted by keys alone, and the dialog can be closed while that goes on', async ({ cast }) => {
  test.setTimeout(240_000);
  const ada = await cast.person('Ada', { viewport: { width: 320, height: 640 } });
  const place = await aChat(ada, 'By keys');
  const { page } = ada;
  await post(ada, place, 'alpha');
  await enter(ada, place);
  // The report is held back, so that the deletion goes on for as long as this looks.
  await page.route('**/v1/deletions/*', (route) => route.abort());
  await page.getByRole('button', { name: 'More about this chat' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('menuitem', { name: 'Delete chat…' })).toBeVisible();
  await page.getByRole('menu').focus();
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await counted(page);
  await expect(dialog(page).getByRole('button', { name: 'Cancel' })).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(dialog(page).getByRole('button', { name: 'Delete chat', exact: true })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(stage(page, 'running')).toBeFocused();
  await expect(dialog(page).locator('[data-step=asked]')).toHaveAttribute('data-step-state', 'done');
  await expect(dialog(page).locator('[aria-current=step]')).toHaveCount(1);
  await check(page, 'a deletion that goes on, on a phone');
  await page.keyboard.press('Escape');
  await expect(dialog(page)).toHaveCount(0);
  await expect(page.getByRole('region', { name: 'Notices' })).toContainText('By keys is being deleted. That goes on by itself.');
  await expect(line(page, place)).toHaveCount(0);
});

test('a channel is deleted by typing its name, with its chats, while somebody is in one', async ({ cast }) => {
  test.setTimeout(300_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Harbour', [grace]);
  await ada.call('POST', `/v1/orgs/${place.org}/channels/${place.channel}/chats`, { title: 'Quay' }, place.org);
  await post(ada, place, 'alpha', 'beta');
  await enter(grace, place);
  await expect(grace.page.getByRole('button', { name: 'More about this channel' })).toHaveCount(0);
  await enter(ada, place);
  const { page } = ada;
  await choose(page, 'More about this channel', 'Delete channel…');
  await counted(page);
  await expect(figure(page, 'chats')).toHaveText(/^\s*2\s*chats\s*$/);
  const name = dialog(page).getByLabel('Type engineering to confirm');
  const button = dialog(page).getByRole('button', { name: 'Delete channel', exact: true });
  await expect(name).toBeFocused();
  await expect(button).toBeDisabled();
  await name.fill('general');
  await expect(button).toBeDisabled();
  await name.press('Enter');
  await expect(stage(page, 'asking')).toBeVisible();
  await name.fill('engineering');
  await expect(button).toBeEnabled();
  await check(page, 'a channel about to be deleted');
  await name.press('Enter');

  const sidebar = (of: Person) => of.page.locator(`nav a[href$="/c/${place.channel}"]`);
  await expect(sidebar(ada)).toHaveCount(0);
  await over(page);
  await expect(figure(page, 'chats')).toHaveText(/^\s*2\s*chats/);
  await done(page);
  await expect(page, 'on to a channel that is there').toHaveURL(/\/c\/chan_/);
  await expect(page).not.toHaveURL(new RegExp(place.channel));

  await expect(grace.page.locator('[data-gone=deleted]')).toContainText('This channel was deleted', { timeout: 30_000 });
  await expect(sidebar(grace)).toHaveCount(0);
  await grace.page.getByRole('link', { name: 'Go to another channel' }).click();
  await expect(grace.page).not.toHaveURL(new RegExp(place.channel));
});

test('an org is deleted by typing its name, and another one is there', async ({ cast }) => {
  test.setTimeout(300_000);
  const ada = await cast.person('Ada');
  const other = (await ada.call<{ id: string }>('POST', '/v1/orgs', { name: 'Southwind' })).id;
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Harbour', [grace]);
  await post(ada, place, 'alpha');
  const { page } = ada;
  await grace.page.goto(`/o/${place.org}/settings`);
  await expect(grace.page.getByRole('button', { name: 'Delete account…' })).toBeVisible();
  await expect(grace.page.getByRole('button', { name: 'Delete org…' }), 'for owners alone').toHaveCount(0);

  await page.goto(`/o/${place.org}/settings`);
  await page.getByRole('button', { name: 'Delete org…' }).click();
  await counted(page);
  await expect(figure(page, 'people')).toHaveText(/^\s*2\s*people lose it\s*$/);
  await expect(figure(page, 'channels')).toContainText('channels');
  await dialog(page).getByLabel('Type Northwind to confirm').fill('Northwind');
  await check(page, 'an org about to be deleted');
  await dialog(page).getByRole('button', { name: 'Delete org', exact: true }).click();
  await expect(page).toHaveURL(new RegExp(other));
  await over(page);
  await done(page);
  await page.getByRole('button', { name: /Switch org/ }).click();
  await expect(page.getByRole('menuitem', { name: 'Southwind' })).toBeVisible();
  await expect(page.getByRole('menuitem', { name: 'Northwind' })).toHaveCount(0);
  await grace.page.goto(place.path);
  await expect(grace.page.getByText('This org is not open to you')).toBeVisible();
});

test('an account is deleted with its password, by nobody who is the last owner of an org', async ({ cast }) => {
  test.setTimeout(300_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Harbour', [grace]);
  await post(grace, place, 'I was here');

  await test.step('the last owner is told what to do first', async () => {
    const { page } = ada;
    await page.goto(`/o/${place.org}/settings`);
    await page.getByRole('button', { name: 'Delete account…' }).click();
    await expect(dialog(page).locator('[data-last-owner]')).toContainText('Northwind');
    await expect(dialog(page).getByRole('button', { name: 'Delete account', exact: true })).toHaveCount(0);
    await check(page, 'the last owner of an org');
    await dialog(page).getByRole('link', { name: 'Members of Northwind' }).click();
    await expect(page).toHaveURL(new RegExp(`${place.org}/members$`));
    await expect(dialog(page)).toHaveCount(0);
  });

  const { page } = grace;
  await test.step('a wrong password deletes nothing', async () => {
    await page.goto(`/o/${place.org}/settings`);
    await page.getByRole('button', { name: 'Delete account…' }).click();
    await counted(page);
    const password = dialog(page).getByLabel('Your password', { exact: true });
    await expect(password).toBeFocused();
    await password.fill('not the right one');
    await dialog(page).getByRole('button', { name: 'Delete account', exact: true }).click();
    await expect(dialog(page)).toContainText('That is not your password.');
    await expect(password).toHaveValue('');
  });

  await test.step('with the right one the report is read, then there is nobody signed in', async () => {
    await dialog(page).getByLabel('Your password', { exact: true }).fill(PASSWORD);
    await dialog(page).getByRole('button', { name: 'Delete account', exact: true }).click();
    await over(page);
    await check(page, 'the report of an account');
    await done(page);
    await expect(page).toHaveURL(/\/sign-in/);
    await page.getByLabel('Email').fill(grace.email);
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('alert')).not.toBeEmpty();
  });

  await test.step('what they wrote stays, without their name', async () => {
    await enter(ada, place);
    await expect(message(ada.page, 'I was here').first()).toContainText('Deleted user');
    await expect(ada.page.getByRole('log')).not.toContainText('Grace');
  });
});

test('how long things are kept is saved with a warning, and stands after a reload', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Harbour', [grace]);
  const { page } = ada;
  const keeping = page.getByRole('region', { name: 'Keeping' });
  const chats = keeping.locator('[data-term=chat_days]');
  const artifacts = keeping.locator('[data-term=artifact_days]');
  await page.goto(`/o/${place.org}/settings`);
  await expect(chats.getByRole('radio', { name: 'For ever' })).toBeChecked();
  await expect(keeping.getByRole('button', { name: 'Save how long' })).toBeDisabled();

  await chats.getByText('Days', { exact: true }).click();
  await chats.getByRole('textbox').fill('0');
  await keeping.getByRole('button', { name: 'Save how long' }).click();
  await expect(chats).toContainText('Type a number of days, 1 to 3650.');
  await expect(chats.getByRole('textbox')).toBeFocused();

  await chats.getByRole('textbox').fill('365');
  await artifacts.getByText('Days', { exact: true }).click();
  await artifacts.getByRole('textbox').fill('30');
  await expect(keeping.locator('[data-warning]')).toContainText('What is older goes within minutes of saving');
  await expect(keeping.locator('[data-warning]')).toContainText('nothing has happened for 365 days');
  await check(page, 'what is about to be kept for less time');
  await keeping.getByRole('button', { name: 'Save and delete what is older' }).click();
  await expect(keeping.getByRole('button', { name: 'Save how long' })).toBeDisabled();
  await expect(keeping.locator('[data-warning]')).toHaveCount(0);

  await page.reload();
  await expect(chats.getByRole('textbox')).toHaveValue('365');
  await expect(artifacts.getByRole('textbox')).toHaveValue('30');
  await artifacts.getByText('For ever', { exact: true }).click();
  await expect(keeping.locator('[data-warning]'), 'longer needs no warning').toHaveCount(0);
  await keeping.getByRole('button', { name: 'Save how long' }).click();
  await expect(keeping.getByRole('button', { name: 'Save how long' })).toBeDisabled();
  await page.reload();
  await expect(artifacts.getByRole('radio', { name: 'For ever' })).toBeChecked();
  await check(page, 'how long things are kept');

  await grace.page.goto(`/o/${place.org}/settings`);
  await expect(grace.page.getByRole('button', { name: 'Delete account…' })).toBeVisible();
  await expect(grace.page.getByRole('region', { name: 'Keeping' }), 'for admins alone').toHaveCount(0);
});
