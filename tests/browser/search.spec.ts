// Finding messages, in one chat and across an org.
import { check } from './checks';
import { aChat, enter, expect, live, post, test } from './people';

/** The org's index lags the chats by moments. */
const INDEXED = { timeout: 30_000 };

test('a message is found in its chat, and opened where it stands', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Harbour');
  await post(ada, place, 'The lighthouse needs paint', ...Array.from({ length: 60 }, (_, index) => `Filler ${index}`));
  await enter(ada, place);
  await ada.page.getByRole('button', { name: 'Search in this chat' }).click();
  const panel = ada.page.getByRole('region', { name: 'Search in this chat' });
  const field = panel.getByRole('searchbox', { name: 'Search in this chat' });
  await expect(field).toBeFocused();
  await field.fill('lightho');
  const found = panel.getByRole('list', { name: 'Messages found' }).getByRole('button');
  await expect(found).toHaveCount(1);
  await expect(found.locator('mark')).toHaveText(/lighthouse/i);
  await check(ada.page, 'search in a chat');
  await found.click();
  await expect(ada.page.locator('article:focus')).toContainText('The lighthouse needs paint');
  if (!(await field.isVisible())) await ada.page.getByRole('button', { name: 'Search in this chat' }).click();
  await field.fill('nosuchwordanywhere');
  await expect(panel).toContainText('Nothing found');
  await field.press('Escape');
  await expect(panel).toHaveCount(0);
});

test('messages are found across the org, filtered, kept in the address, and never by those who may not see them', async ({ cast }) => {
  test.setTimeout(120_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const stranger = await cast.person('Stranger');
  const place = await aChat(ada, 'Harbour', [grace]);
  await aChat(stranger, 'Elsewhere');
  await post(ada, place, 'The quay is <b>slippery</b> in winter');
  await post(grace, place, 'The quay is closed');
  const page = grace.page;
  await enter(grace, place);
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Search', exact: true }).click();
  const field = page.getByRole('searchbox', { name: 'Search messages' });
  await expect(field).toBeFocused();
  const found = page.getByRole('list', { name: 'Messages found' }).getByRole('link');
  await expect(async () => {
    await field.fill('');
    await field.fill('quay');
    await expect(found).toHaveCount(2, { timeout: 2_000 });
  }).toPass(INDEXED);

  await test.step('what people wrote is shown as text', async () => {
    await field.fill('slippery');
    await expect(found).toHaveCount(1);
    await expect(found).toContainText('<b>');
    await expect(found.locator('mark')).toHaveText('slippery');
    await expect(page).toHaveURL(/[?&]q=slippery/);
  });

  await test.step('a filter is a chip that can be taken away; all of it survives a reload', async () => {
    await field.fill('quay');
    await page.getByRole('combobox', { name: 'Author' }).selectOption({ label: 'Grace' });
    await expect(found).toHaveCount(1);
    await page.reload();
    await expect(field).toHaveValue('quay');
    await expect(found).toHaveCount(1);
    await check(page, 'search across the org');
    await page.getByRole('button', { name: 'By Grace: remove this filter' }).click();
    await expect(found).toHaveCount(2);
    await page.getByText('Newest', { exact: true }).click();
    await expect(found.first()).toContainText('closed');
  });

  await test.step('a result opens its message', async () => {
    await found.first().click();
    await live(page);
    await expect(page.locator('article:focus')).toContainText('The quay is closed');
  });

  await test.step('nobody else finds it', async () => {
    const { items } = await stranger.call<{ items: { id: string }[] }>('GET', '/v1/orgs');
    await stranger.page.goto(`/o/${items[0]!.id}/search?q=quay`);
    await expect(stranger.page.getByText('Nothing found')).toBeVisible();
  });
});

test('the search page fits a phone', async ({ cast }) => {
  const ada = await cast.person('Ada', { viewport: { width: 320, height: 640 } });
  const place = await aChat(ada, 'Small');
  await ada.page.goto(`/o/${place.org}/search`);
  await expect(ada.page.getByText('Find a message')).toBeVisible();
  await check(ada.page, 'an empty search on a phone');
});
