// The reader's place: kept while history loads above, and while others write below.
import type { Page } from '@playwright/test';

import { aChat, enter, expect, message, post, test } from './people';

const log = (page: Page) => page.getByRole('log');
const atEnd = (page: Page) => log(page).evaluate((element) => element.scrollHeight - element.clientHeight - element.scrollTop < 4);

/** The topmost message in view, and where its text ends: its head may go when an older message comes to stand above it. */
const topmost = (page: Page) =>
  log(page).evaluate((element) => {
    const top = element.getBoundingClientRect().top;
    const row = [...element.querySelectorAll('[data-message]')].find((one) => one.getBoundingClientRect().bottom > top + 60);
    return { id: row?.getAttribute('data-message') ?? '', y: Math.round((row?.getBoundingClientRect().bottom ?? 0) - top) };
  });

const placeOf = (page: Page, id: string) =>
  log(page).evaluate((element, wanted) => {
    const row = element.querySelector(`[data-message="${wanted}"]`);
    return row ? Math.round(row.getBoundingClientRect().bottom - element.getBoundingClientRect().top) : null;
  }, id);

/** Texts of different heights, so that guessed heights are wrong. */
const lines = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index} ${'and more of it '.repeat(((from + index) % 7) * 6)}`);

test('scrolling up loads the whole history, page by page, and the pill leads back', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'History');
  await post(ada, place, ...lines(1, 130));
  await enter(ada, place);
  await expect(message(ada.page, /line 130 /)).toBeInViewport();
  expect(await atEnd(ada.page)).toBe(true);
  expect(await log(ada.page).locator('[data-message]').count()).toBeLessThanOrEqual(50);
  await log(ada.page).hover();
  await expect
    .poll(async () => {
      await ada.page.mouse.wheel(0, -2_000);
      return log(ada.page).locator('[data-message]').count();
    })
    .toBe(130);
  await expect(message(ada.page, /line 1 /)).toHaveCount(1);
  await ada.page.getByRole('button', { name: /Jump to present/ }).click();
  await expect(message(ada.page, /line 130 /)).toBeInViewport();
});

test('loading earlier messages keeps the text under the reader’s eyes to the pixel', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Pixels');
  await post(ada, place, ...lines(1, 90));
  await enter(ada, place);
  // Held back, so that the place before and after can be compared.
  let release = () => {};
  const held = new Promise<void>((done) => (release = done));
  await ada.page.route('**/events?before=*', async (route) => {
    await held;
    await route.continue();
  });
  await log(ada.page).hover();
  await ada.page.mouse.wheel(0, -100_000);
  await expect(ada.page.getByRole('status').filter({ hasText: 'Loading earlier messages' })).toBeVisible();
  const before = await topmost(ada.page);
  const count = await log(ada.page).locator('[data-message]').count();
  release();
  await expect.poll(() => log(ada.page).locator('[data-message]').count()).toBeGreaterThan(count);
  await expect.poll(() => placeOf(ada.page, before.id)).toBe(before.y);
});

test('new messages move a reader who follows, and no other', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Latch', [grace]);
  await post(ada, place, ...lines(1, 40));
  await enter(grace, place);
  await grace.page.getByRole('log').hover();
  await grace.page.keyboard.press('Escape');
  await expect.poll(() => atEnd(grace.page)).toBe(true);
  await post(ada, place, 'followed');
  await expect(message(grace.page, 'followed')).toBeInViewport();
  expect(await atEnd(grace.page)).toBe(true);

  await log(grace.page).hover();
  await grace.page.mouse.wheel(0, -600);
  await expect.poll(() => atEnd(grace.page)).toBe(false);
  const before = await topmost(grace.page);
  await post(ada, place, 'not followed', '@demo write 40 words');
  await expect(message(grace.page, 'not followed')).toHaveCount(1);
  await expect(grace.page.locator('[data-turn]')).toHaveCount(1);
  await expect(grace.page.locator('[data-turn]')).toHaveCount(0);
  expect(await placeOf(grace.page, before.id)).toBe(before.y);
  await grace.page.getByRole('button', { name: /new$/ }).click();
  await expect.poll(() => atEnd(grace.page)).toBe(true);
});

test('a link opens its message, also far back and through sign-in', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Links');
  await post(ada, place, ...lines(1, 120));
  const page = await ada.call<{ events: { type: string; message?: string; text?: string }[] }>(
    'GET',
    `/v1/chats/${place.chat}/events?after=0&limit=40`,
    undefined,
    place.org,
  );
  const target = page.events.find((event) => event.text?.startsWith('line 7 '))?.message;
  await ada.context.clearCookies();
  await ada.page.goto(`${place.path}?m=${target}`);
  await expect(ada.page.getByText('Sign in to open that page.')).toBeVisible();
  await ada.page.getByLabel('Email').fill(ada.email);
  await ada.page.getByLabel('Password', { exact: true }).fill('correct horse battery staple');
  await ada.page.getByRole('button', { name: 'Sign in' }).click();
  await expect(message(ada.page, /line 7 /)).toBeInViewport();
  await expect(ada.page.locator('article:focus')).toContainText('line 7 ');
});
