// Files in messages: brought by button, drop and paste, uploaded in parts, seen by others, and gone with their message.
import { readFile } from 'node:fs/promises';
import { crc32, deflateSync } from 'node:zlib';

import type { Page, Route } from '@playwright/test';

import { check } from './checks';
import { type Person, aChat, composer, enter, expect, live, message, post, refuse, test } from './people';

/** A grey image of that size. */
function png(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // 8 bits of grey for each pixel; each line begins with its filter, none.
  header[8] = 8;
  const lines = Buffer.alloc(height * (width + 1), 0x99);
  for (let line = 0; line < height; line += 1) lines[line * (width + 1)] = 0;
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(lines)), chunk('IEND', Buffer.alloc(0))]);
}

const IMAGE = { name: 'tide.png', mimeType: 'image/png', buffer: png(640, 480) };
const OTHER = { name: 'ebb.png', mimeType: 'image/png', buffer: png(300, 900) };
const TEXT = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('Low water at noon.\n') };

const PARTS = '**/v1/attachments/*/parts/*';
/** Uploads pass several Workers on a busy machine. */
const UPLOADED = { timeout: 30_000 };

const chooser = (page: Page) => page.locator('main input[type=file]');
const tray = (page: Page) => page.locator('main').getByRole('group', { name: 'Files of this message' });
const uploads = (page: Page, state: string) => tray(page).locator(`[data-upload=${state}]`);
const picture = (page: Page, name: string) => page.getByRole('log').locator(`img[alt="${name}"]`);
const card = (page: Page, name: string) => page.getByRole('log').getByRole('button', { name: new RegExp(`^Download ${name}`) });
const send = (page: Page) => page.locator('main').getByRole('button', { name: 'Send message' });

/** The image has come, in its own size. */
async function shown(page: Page, name: string, width: number): Promise<void> {
  await expect.poll(() => picture(page, name).first().evaluate((image: HTMLImageElement) => (image.complete ? image.naturalWidth : 0))).toBe(width);
}

/** Chooses files and waits until they are on the server. */
async function bring(page: Page, ...files: { name: string; mimeType: string; buffer: Buffer }[]): Promise<void> {
  await chooser(page).setInputFiles(files);
  await expect(uploads(page, 'done')).toHaveCount(files.length, UPLOADED);
}

/** Answers a call with a refusal. */
async function two(cast: { person(name: string): Promise<Person> }, title: string) {
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, title, [grace]);
  await enter(ada, place);
  await enter(grace, place);
  return { ada, grace, place };
}

test('an image and a text file are seen by another, survive a reload, and go with their message', async ({ cast }) => {
  test.setTimeout(120_000);
  const { ada, grace } = await two(cast, 'Tides');

  await test.step('they are uploaded before anything is sent', async () => {
    await bring(ada.page, IMAGE, TEXT);
    await expect(tray(ada.page)).toContainText('tide.png');
    await expect(tray(ada.page)).toContainText('notes.txt');
    await expect(ada.page.locator('[data-tray-said]')).toHaveText('All 2 files are uploaded.');
    await check(ada.page, 'files to be sent');
    await composer(ada.page).fill('High and low');
    await composer(ada.page).press('Enter');
    await expect(tray(ada.page)).toHaveCount(0);
  });

  await test.step('the other sees the image in its place and saves the text', async () => {
    await expect(message(grace.page, 'High and low')).toContainText('notes.txt');
    await shown(grace.page, 'tide.png', 640);
    expect(new URL((await picture(grace.page, 'tide.png').getAttribute('src')) ?? '').hostname).toMatch(/^files\./);
    const [download] = await Promise.all([grace.page.waitForEvent('download'), card(grace.page, 'notes.txt').click()]);
    expect(download.suggestedFilename()).toBe('notes.txt');
    expect(await readFile(await download.path(), 'utf8')).toBe('Low water at noon.\n');
    await check(grace.page, 'a message with files');
  });

  await test.step('a reload asks for new addresses', async () => {
    for (const { page } of [ada, grace]) {
      await page.reload();
      await live(page);
      await shown(page, 'tide.png', 640);
      await expect(card(page, 'notes.txt')).toBeVisible();
    }
  });

  await test.step('they go with their message', async () => {
    await message(ada.page, 'High and low').hover();
    await ada.page.getByRole('button', { name: 'More actions' }).click();
    await ada.page.getByRole('menuitem', { name: 'Delete' }).click();
    await ada.page.getByRole('button', { name: 'Delete message' }).click();
    for (const { page } of [ada, grace]) {
      await expect(message(page, 'This message was deleted.')).toBeVisible();
      await expect(picture(page, 'tide.png')).toHaveCount(0);
      await expect(card(page, 'notes.txt')).toHaveCount(0);
    }
    await grace.page.reload();
    await live(grace.page);
    await expect(message(grace.page, 'This message was deleted.')).toBeVisible();
    await expect(card(grace.page, 'notes.txt')).toHaveCount(0);
  });
});

test('images are looked at large and one after the other, by keyboard', async ({ cast }) => {
  test.setTimeout(120_000);
  const { ada, grace } = await two(cast, 'Album');
  await bring(ada.page, IMAGE, OTHER);
  // Without a word: files alone are a message.
  await send(ada.page).click();
  await shown(grace.page, 'tide.png', 640);
  await shown(grace.page, 'ebb.png', 300);

  const { page } = grace;
  await page.getByRole('log').getByRole('button', { name: 'tide.png' }).focus();
  await page.keyboard.press('Enter');
  const box = page.getByRole('dialog', { name: 'tide.png' });
  await expect(box).toBeVisible();
  await expect(box.getByRole('img', { name: 'tide.png' })).toBeVisible();
  await expect(box).toContainText('1 of 2');
  await check(page, 'an image, large');
  await page.keyboard.press('ArrowRight');
  await expect(page.getByRole('dialog', { name: 'ebb.png' })).toContainText('2 of 2');
  await page.getByRole('button', { name: 'Previous image' }).click();
  await expect(page.getByRole('dialog', { name: 'tide.png' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page.getByRole('log').getByRole('button', { name: 'tide.png' })).toBeFocused();
});

test('an image takes its room before it is there, and says so when it does not come', async ({ cast }) => {
  test.setTimeout(120_000);
  const { ada, grace } = await two(cast, 'Slow water');
  await bring(ada.page, IMAGE);
  await composer(ada.page).fill('Wait for it');
  await composer(ada.page).press('Enter');
  await expect(message(grace.page, 'Wait for it')).toBeVisible();

  const { page } = grace;
  const held: Route[] = [];
  let passing = false;
  await page.route(/\/\/files\./, (route) => void (passing ? route.continue() : held.push(route)));
  await page.reload();
  await live(page);
  const room = page.getByRole('list', { name: 'Image' }).getByRole('listitem');
  await expect.poll(() => held.length).toBeGreaterThan(0);
  const before = await room.boundingBox();
  expect(before!.height).toBeGreaterThan(200);
  passing = true;
  for (const route of held) await route.continue();
  await shown(page, 'tide.png', 640);
  expect(await room.boundingBox()).toEqual(before);

  await page.unroute(/\/\/files\./);
  await page.route(/\/\/files\./, (route) => route.abort());
  await page.reload();
  await live(page);
  await expect(page.getByText('It did not load.')).toBeVisible();
  await check(page, 'an image that does not load');
  await page.unroute(/\/\/files\./);
  await page.getByRole('log').getByRole('button', { name: 'Retry' }).click();
  await shown(page, 'tide.png', 640);
});

test('a part that fails is tried again: by itself after a cut, by a person after a refusal', async ({ cast }) => {
  test.setTimeout(120_000);
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Cuts');
  await enter(ada, place);
  const { page } = ada;
  const begun: Promise<string>[] = [];
  page.on('response', (response) => {
    const began = response.request().method() === 'POST' && response.url().endsWith('/attachments');
    if (began) begun.push(response.json().then((upload: { id: string }) => upload.id));
  });

  await page.route(PARTS, (route) => route.abort('connectionreset'), { times: 1 });
  await bring(page, TEXT);
  expect(begun.length).toBe(2);
  expect(new Set(await Promise.all(begun)).size).toBe(1);

  await page.route(PARTS, refuse('too_large', 413));
  await chooser(page).setInputFiles(IMAGE);
  await expect(uploads(page, 'failed')).toContainText('Too large');
  await expect(page.locator('[data-tray-said]')).toContainText('tide.png was not uploaded. Too large');
  await check(page, 'an upload that failed');
  await send(page).click();
  await expect(page.getByText('Retry or remove them first.')).toBeVisible();
  await page.unroute(PARTS);
  await tray(page).getByRole('button', { name: 'Retry tide.png' }).click();
  await expect(uploads(page, 'done')).toHaveCount(2, UPLOADED);
  await send(page).click();
  await shown(page, 'tide.png', 640);
  await expect(card(page, 'notes.txt')).toBeVisible();
});

test('what cannot be taken is refused in words', async ({ cast }) => {
  test.setTimeout(120_000);
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Too much');
  await enter(ada, place);
  const { page } = ada;
  await chooser(page).setInputFiles(Array.from({ length: 12 }, (_, index) => ({ ...TEXT, name: `${index}.txt` })));
  await expect(page.getByText('A message takes 10 files: 2 were left out.')).toBeVisible();
  await expect(uploads(page, 'done')).toHaveCount(10, { timeout: 45_000 });
  for (let index = 0; index < 10; index += 1) await tray(page).getByRole('button', { name: `Remove ${index}.txt` }).click();
  await expect(tray(page)).toHaveCount(0);
  await expect(composer(page)).toBeFocused();

  await chooser(page).setInputFiles({ name: 'nothing.txt', mimeType: 'text/plain', buffer: Buffer.alloc(0) });
  await expect(page.getByText('“nothing.txt” is empty.')).toBeVisible();

  await page.route('**/v1/chats/*/attachments', refuse('quota_reached', 429));
  await chooser(page).setInputFiles(TEXT);
  await expect(uploads(page, 'failed')).toContainText('The org has no room left for files.');
});

test('a message that is sent early goes out once its files are there, and an upload can be cancelled', async ({ cast }) => {
  test.setTimeout(120_000);
  const { ada, grace } = await two(cast, 'Patience');
  const { page } = ada;
  const held: Route[] = [];
  await page.route(PARTS, (route) => void held.push(route));
  await chooser(page).setInputFiles([TEXT, IMAGE]);
  await expect.poll(() => held.length).toBe(2);
  await expect(tray(page).getByRole('progressbar', { name: 'notes.txt' })).toBeVisible();
  await tray(page).getByRole('button', { name: 'Cancel tide.png' }).click();
  await expect(tray(page)).not.toContainText('tide.png');
  await composer(page).fill('As soon as it is there');
  await composer(page).press('Enter');
  await expect(tray(page)).toContainText('It is sent once all files are there.');
  await page.unroute(PARTS);
  for (const route of held) await route.continue().catch(() => undefined);
  await expect(message(grace.page, 'As soon as it is there')).toContainText('notes.txt', UPLOADED);
  await expect(composer(page)).toHaveValue('');
  await expect(picture(grace.page, 'tide.png')).toHaveCount(0);
});

test('files come by drop and by paste, and wait for the connection with their message', async ({ cast }) => {
  test.setTimeout(120_000);
  const { ada, grace } = await two(cast, 'By hand');
  const { page } = ada;
  const data = await page.evaluateHandle(() => {
    const made = new DataTransfer();
    made.items.add(new File(['dropped words\n'], 'dropped.txt', { type: 'text/plain' }));
    return made;
  });
  await page.dispatchEvent('main', 'dragenter', { dataTransfer: data });
  await expect(page.getByText('Drop files to attach them')).toBeVisible();
  await page.dispatchEvent('main', 'drop', { dataTransfer: data });
  await expect(page.getByText('Drop files to attach them')).toHaveCount(0);
  await expect(uploads(page, 'done')).toHaveCount(1, UPLOADED);

  const bytes = [...IMAGE.buffer];
  await composer(page).evaluate((area, content) => {
    const made = new DataTransfer();
    made.items.add(new File([new Uint8Array(content)], 'image.png', { type: 'image/png' }));
    area.dispatchEvent(new ClipboardEvent('paste', { clipboardData: made, bubbles: true, cancelable: true }));
  }, bytes);
  await expect(tray(page)).toContainText('Pasted image.png');
  await expect(uploads(page, 'done')).toHaveCount(2, UPLOADED);

  // They are kept over a reload, for the message that is being written.
  await page.reload();
  await live(page);
  await expect(uploads(page, 'done')).toHaveCount(2);

  await ada.context.setOffline(true);
  await expect(page.getByText('You are offline.')).toBeVisible();
  await composer(page).fill('From below');
  await composer(page).press('Enter');
  await expect(page.getByText('Not sent yet.')).toBeVisible();
  await expect(card(page, 'dropped.txt')).toBeVisible();
  await ada.context.setOffline(false);
  await expect(page.getByText('Not sent yet.')).toHaveCount(0);
  await expect(message(grace.page, 'From below')).toHaveCount(1);
  await expect(card(grace.page, 'dropped.txt')).toBeVisible();
  await shown(grace.page, 'Pasted image.png', 640);
});

test('a fork has files of its own', async ({ cast }) => {
  test.setTimeout(120_000);
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Beside');
  await post(ada, place, 'Which chart do we use?');
  await enter(ada, place);
  const { page } = ada;
  await message(page, 'Which chart').focus();
  await page.keyboard.press('f');
  await page.getByLabel('What shall be settled?').fill('Choose the chart');
  await page.getByRole('button', { name: 'Start the fork' }).click();
  const panel = page.getByRole('region', { name: 'Fork', exact: true });
  await panel.locator('input[type=file]').setInputFiles([IMAGE, TEXT]);
  await expect(panel.locator('[data-upload=done]')).toHaveCount(2, UPLOADED);
  await expect(tray(page)).toHaveCount(0);
  await panel.getByRole('textbox', { name: 'Message in the fork' }).fill('This one');
  await panel.getByRole('textbox', { name: 'Message in the fork' }).press('Enter');
  await expect(panel.getByRole('article').filter({ hasText: 'This one' })).toContainText('notes.txt');
  await expect(panel.locator('img[alt="tide.png"]')).toBeVisible();
  await expect(page.getByRole('log', { name: 'Messages', exact: true }).locator('img')).toHaveCount(0);
});

for (const [name, options] of Object.entries({
  'a dark phone': { viewport: { width: 390, height: 844 }, colorScheme: 'dark' as const },
  'a small phone': { viewport: { width: 320, height: 640 } },
})) {
  test(`files fit on ${name}`, async ({ cast }) => {
    test.setTimeout(120_000);
    const ada = await cast.person('Ada', options);
    const place = await aChat(ada, 'Small');
    await enter(ada, place);
    const { page } = ada;
    const long = { ...TEXT, name: `${'a-very-long-name-'.repeat(8)}.txt` };
    await bring(page, IMAGE, OTHER, long);
    await check(page, 'files to be sent on a phone');
    await send(page).click();
    await shown(page, 'tide.png', 640);
    await expect(card(page, 'a-very-long-name')).toBeVisible();
    await check(page, 'files on a phone');
    await page.getByRole('log').getByRole('button', { name: 'ebb.png' }).click();
    await expect(page.getByRole('dialog', { name: 'ebb.png' }).getByRole('img')).toBeVisible();
    await check(page, 'an image on a phone');
  });
}
