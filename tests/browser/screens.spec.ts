// Every screen: no serious finding of axe, nothing wider than the window, everything by keyboard.
import { check } from './checks';
import { type Person, type Place, aChat, composer, enter, expect, live, message, post, test } from './people';

/** A chat with everything in it that a chat can show. */
async function aFullChat(ada: Person, grace: Person): Promise<Place> {
  const place = await aChat(ada, 'Everything at once', [grace]);
  await post(grace, place, 'Text with `code`, [a link](https://example.com) and @demo', '```rust\nfn main() {}\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |', '> quote\n\n- [x] done\n- item', 'gone');
  const { events } = await ada.call<{ events: { type: string; message?: string; text?: string }[] }>('GET', `/v1/chats/${place.chat}/events?limit=200`, undefined, place.org);
  const of = (text: string) => events.find((event) => event.text?.startsWith(text))?.message;
  await ada.call('PUT', `/v1/chats/${place.chat}/messages/${of('> quote')}/reactions/${encodeURIComponent('👍')}`, undefined, place.org);
  await grace.call('DELETE', `/v1/chats/${place.chat}/messages/${of('gone')}`, undefined, place.org);
  return place;
}

async function allScreens(ada: Person, grace: Person, visitor: Person, narrow: boolean) {
  const place = await aFullChat(ada, grace);
  const { token } = await ada.call<{ token: string }>('POST', `/v1/orgs/${place.org}/invitations`, { email: 'nobody@example.com', role: 'guest' }, place.org);

  for (const path of ['/sign-in', '/sign-up', `/invite/${token}`, '/invite/ended', '/nowhere']) {
    await visitor.page.goto(path);
    await expect(visitor.page.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(visitor.page.getByRole('status').filter({ hasText: 'Loading' })).toHaveCount(0);
    await check(visitor.page, path);
  }

  const { page } = ada;
  await page.goto('/welcome');
  await expect(page.getByLabel('Name')).toBeVisible();
  await check(page, 'welcome');
  for (const [path, sign] of [
    [`/o/${place.org}/agents`, '@demo'],
    [`/o/${place.org}/members`, 'nobody@example.com'],
    [`/o/${place.org}/settings`, 'Approving one’s own asks'],
    [`/o/${place.org}/approvals`, 'Nothing waits for you'],
    [`/o/${place.org}/artifacts`, 'Nothing kept yet'],
    [`/o/${place.org}/usage`, 'Nothing used'],
    [`/o/${place.org}/c/${place.channel}`, 'Everything at once'],
  ] as const) {
    await page.goto(path);
    await expect(page.getByText(sign).first()).toBeVisible();
    await check(page, path);
  }

  await enter(ada, place);
  await expect(message(page, 'Text with code').first()).toBeVisible();
  await expect(page.locator('.hljs-keyword').first()).toBeVisible();
  await check(page, 'chat');
  await message(page, 'Text with code').first().focus();
  await expect(page.getByRole('toolbar')).toBeVisible();
  await check(page, 'chat with a toolbar');
  await composer(page).fill('@');
  await composer(page).press('End');
  await expect(page.getByRole('listbox')).toBeVisible();
  await check(page, 'completer');
  await composer(page).fill('');
  await page.getByRole('button', { name: /^Participants/ }).click();
  await expect(page.getByRole('region', { name: 'Participants' })).toBeVisible();
  await check(page, 'participants');
  await page.keyboard.press('Escape');
  await page.goto(`/o/${place.org}/agents`);
  await expect(page.getByText('@demo')).toBeVisible();
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Go to' }).fill('ever');
  await expect(page.getByRole('option', { name: /Everything at once/ })).toBeVisible();
  await check(page, 'palette');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  for (const [open, title] of [
    [() => page.keyboard.press('?'), 'Keyboard shortcuts'],
    [() => page.keyboard.press('n'), 'New chat'],
    [() => page.getByRole('button', { name: 'New agent' }).click(), 'New agent'],
  ] as const) {
    await open();
    await expect(page.getByRole('dialog', { name: title })).toBeVisible();
    await check(page, title);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  }
  if (narrow) {
    await page.getByRole('button', { name: 'Open the sidebar' }).click();
    await expect(page.getByRole('dialog')).toBeVisible();
    await check(page, 'drawer');
  }
}

for (const [name, options] of Object.entries({
  light: { colorScheme: 'light' as const },
  dark: { colorScheme: 'dark' as const },
  'high contrast': { contrast: 'more' as const },
})) {
  test(`every screen is accessible: ${name}`, async ({ cast }) => {
    test.setTimeout(120_000);
    await allScreens(await cast.person('Ada', options), await cast.person('Grace'), await cast.visitor('Guest', options), false);
  });
}

test('every screen is accessible and fits at a width of 320 pixels', async ({ cast }) => {
  test.setTimeout(120_000);
  const options = { viewport: { width: 320, height: 640 } };
  await allScreens(await cast.person('Ada', options), await cast.person('Grace'), await cast.visitor('Guest', options), true);
});

test('on a phone, one goes from the list to the chat and back', async ({ cast }) => {
  const options = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
  const ada = await cast.person('Ada', options);
  const place = await aChat(ada, 'On the road');
  const { page } = ada;
  await page.goto(`/o/${place.org}/settings`);
  await page.getByRole('button', { name: 'Open the sidebar' }).tap();
  await page.getByRole('dialog').getByRole('link', { name: 'engineering' }).tap();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.getByRole('link', { name: /On the road/ }).tap();
  await live(page);
  await expect(page.getByRole('link', { name: /On the road/ })).toBeHidden();
  await composer(page).fill('from a phone');
  await page.getByRole('button', { name: 'Send message' }).tap();
  await expect(message(page, 'from a phone')).toBeInViewport();
  await page.getByRole('link', { name: 'Back to the list' }).tap();
  await expect(page.getByRole('link', { name: /On the road/ })).toBeVisible();
});

test('everything by keyboard: skip link, palette, message cursor, reply, edit', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Keys only');
  await post(ada, place, 'alpha', 'beta', 'gamma');
  const { page } = ada;
  await page.goto(`/o/${place.org}/agents`);
  await expect(page.getByText('@demo')).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('#main')).toBeFocused();

  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Go to' }).fill('keys only');
  await expect(page.getByRole('option', { name: /Keys only/ })).toBeVisible();
  await page.keyboard.press('Enter');
  await live(page);
  await expect(composer(page)).toBeFocused();

  await page.getByRole('heading', { level: 1 }).click();
  await page.keyboard.press('k');
  await expect(page.locator('article:focus')).toContainText('gamma');
  await page.keyboard.press('k');
  await expect(page.locator('article:focus')).toContainText('beta');
  await page.keyboard.press('1');
  await expect(message(page, 'beta').getByRole('button', { name: '👍, 1' })).toBeVisible();
  await page.keyboard.press('e');
  await expect(page.getByRole('textbox', { name: 'Edit message' })).toBeFocused();
  await page.keyboard.type('!');
  await page.keyboard.press('Enter');
  await expect(message(page, 'beta!')).toBeVisible();
  await page.getByRole('heading', { level: 1 }).click();
  await page.keyboard.press('k');
  await page.keyboard.press('r');
  await expect(page.getByText('Replying to Ada')).toBeVisible();
  await expect(composer(page)).toBeFocused();
});

test('the settings hold over a reload, before the first paint', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Looks');
  const { page } = ada;
  await page.goto(`/o/${place.org}/settings`);
  await page.getByText('Dark', { exact: true }).click();
  await page.getByText('Compact', { exact: true }).click();
  await page.getByText('Ctrl Enter', { exact: true }).click();
  await page.reload({ waitUntil: 'commit' });
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await expect(page.locator('html')).toHaveAttribute('data-density', 'compact');
  await enter(ada, place);
  await composer(page).fill('two');
  await composer(page).press('Enter');
  await composer(page).pressSequentially('lines');
  await expect(composer(page)).toHaveValue('two\nlines');
  await composer(page).press('Control+Enter');
  await expect(message(page, 'two')).toContainText('lines');
});
