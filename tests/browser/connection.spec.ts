// The connection goes and comes; nothing that was written is lost, and nothing comes twice.
import { check } from './checks';
import { aChat, composer, enter, expect, live, message, post, refuse, say, test } from './people';

test('offline, one can go on writing; back online, it is sent once and what was missed arrives', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Tunnel', [grace]);
  await enter(ada, place);
  await enter(grace, place);
  await ada.context.setOffline(true);
  await expect(ada.page.getByText('You are offline.')).toBeVisible();
  await say(ada.page, 'from the tunnel');
  await say(ada.page, 'still in the tunnel');
  await expect(ada.page.getByText('Not sent yet.')).toHaveCount(2);
  await say(grace.page, 'are you there?');
  await ada.context.setOffline(false);
  await live(ada.page);
  await expect(message(ada.page, 'are you there?')).toBeVisible();
  await expect(ada.page.getByText('Not sent yet.')).toHaveCount(0);
  await expect(ada.page.getByText('You are offline.')).toHaveCount(0);
  for (const { page } of [ada, grace]) {
    await expect(message(page, 'from the tunnel')).toHaveCount(1);
    await expect(message(page, 'still in the tunnel')).toHaveCount(1);
  }
  expect((await grace.page.getByRole('log').getByRole('article').allInnerTexts()).map((text) => text.split('\n').at(-1))).toEqual([
    'are you there?',
    'from the tunnel',
    'still in the tunnel',
  ]);
});

test('a refused message stays with its reason, and goes out once when it is sent again', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Refusal');
  await enter(ada, place);
  await ada.page.route('**/messages', (route) =>
    route.fulfill({
      status: 503,
      contentType: 'application/problem+json',
      body: JSON.stringify({ type: 'about:blank', title: 'Temporarily unavailable', status: 503, code: 'unavailable', retry_after_s: 5 }),
    }),
  );
  await say(ada.page, 'try me');
  await expect(ada.page.getByText('Not sent. This part of Slipway is not available right now.')).toBeVisible();

  await ada.page.reload();
  await live(ada.page);
  await expect(message(ada.page, 'try me')).toBeVisible();
  await ada.page.unroute('**/messages');
  await ada.page.getByRole('button', { name: 'Retry' }).click();
  await expect(ada.page.getByText('Not sent')).toHaveCount(0);
  await ada.page.reload();
  await live(ada.page);
  await expect(message(ada.page, 'try me')).toHaveCount(1);
});

test('a refused message can be taken back into the composer, or dropped', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Second thoughts');
  await enter(ada, place);
  await ada.page.route('**/messages', (route) => route.fulfill({ status: 503, body: 'no' }));
  await say(ada.page, 'first');
  await say(ada.page, 'second');
  await expect(ada.page.getByText('Not sent.')).toHaveCount(2);
  await message(ada.page, 'first').getByRole('button', { name: 'Edit' }).click();
  await expect(composer(ada.page)).toHaveValue('first');
  await message(ada.page, 'second').getByRole('button', { name: 'Discard' }).click();
  await expect(ada.page.getByText('Not sent.')).toHaveCount(0);
});

test('an answer that streams while the reader reconnects comes out whole', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Mid-sentence');
  await enter(ada, place);
  await post(ada, place, '@demo write 200 words');
  await expect(ada.page.locator('[data-turn] .markdown')).toContainText(/\w+ \w+/);
  await ada.context.setOffline(true);
  await expect(ada.page.locator('main:not([data-connection=live])')).toBeVisible();
  await ada.context.setOffline(false);
  await live(ada.page);
  await expect(ada.page.locator('[data-turn]')).toHaveCount(0, { timeout: 30_000 });
  const seen = await ada.page.getByRole('article', { name: /^Demo/ }).locator('.markdown').innerText();
  await ada.page.reload();
  await live(ada.page);
  expect(await ada.page.getByRole('article', { name: /^Demo/ }).locator('.markdown').innerText()).toBe(seen);
});

test('a chat that cannot come back whole shows its newest page, says so, and goes on once it can', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Water damage');
  await post(ada, place, 'what was said last');
  await ada.page.route('**/socket-ticket', refuse('archive_damaged', 409));
  await ada.page.goto(place.path);
  await expect(message(ada.page, 'what was said last')).toBeVisible();
  await expect(ada.page.locator('[data-banner]')).toContainText('What is kept of this chat is damaged.');
  await check(ada.page, 'a chat with a damaged archive');
  await ada.page.unroute('**/socket-ticket');
  await ada.page.locator('[data-banner]').getByRole('button', { name: 'Try now' }).click();
  await live(ada.page);
  await expect(ada.page.locator('[data-banner]')).toHaveCount(0);
});

test('whoever is removed from a chat is told so', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Farewell', [grace]);
  await enter(grace, place);
  await ada.call('DELETE', `/v1/chats/${place.chat}/participants/${grace.id}`, undefined, place.org);
  await expect(grace.page.getByText('This chat is not open to you')).toBeVisible();
});
