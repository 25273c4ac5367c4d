// What can be done with messages: seen by both sides.
import { aChat, composer, enter, expect, live, message, post, say, test } from './people';

test('editing, deleting, reacting and replying show on both sides', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Words', [grace]);
  await enter(ada, place);
  await enter(grace, place);
  await say(ada.page, 'A frist draft');
  await expect(message(grace.page, 'A frist draft')).toBeVisible();

  await test.step('↑ in an empty composer edits the last message', async () => {
    await composer(ada.page).press('ArrowUp');
    const box = ada.page.getByLabel('Edit message');
    await expect(box).toHaveValue('A frist draft');
    await box.fill('A first draft');
    await box.press('Enter');
    await expect(message(grace.page, 'A first draft')).toContainText('edited');
    await expect(composer(ada.page)).toBeFocused();
  });

  await test.step('a reaction is added and taken back', async () => {
    await message(grace.page, 'A first draft').hover();
    await grace.page.getByRole('button', { name: 'React with 🎉' }).click();
    const reaction = message(ada.page, 'A first draft').getByRole('button', { name: '🎉, 1' });
    await expect(reaction).toHaveAttribute('aria-pressed', 'false');
    await reaction.click();
    await expect(message(grace.page, 'A first draft').getByRole('button', { name: '🎉, 2' })).toBeVisible();
    await message(grace.page, 'A first draft').getByRole('button', { name: '🎉, 2' }).click();
    await expect(message(ada.page, 'A first draft').getByRole('button', { name: '🎉, 1' })).toHaveAttribute('aria-pressed', 'true');
  });

  await test.step('an emoji is found by its name', async () => {
    await message(grace.page, 'A first draft').hover();
    await message(grace.page, 'A first draft').getByRole('toolbar').getByRole('button', { name: 'Add a reaction' }).click();
    await grace.page.getByLabel('Search emoji').fill('rock');
    await grace.page.getByLabel('Search emoji').press('Enter');
    await expect(message(ada.page, 'A first draft').getByRole('button', { name: '🚀, 1' })).toBeVisible();
  });

  await test.step('a reply quotes, and leads to what it quotes', async () => {
    await message(grace.page, 'A first draft').hover();
    await grace.page.getByRole('button', { name: 'Reply', exact: true }).click();
    await expect(grace.page.getByText('Replying to Ada')).toBeVisible();
    await say(grace.page, 'Fine by me');
    const reply = message(ada.page, 'Fine by me');
    await expect(reply).toContainText('A first draft');
    await reply.getByRole('button', { name: /In reply to/ }).click();
    await expect(ada.page.locator('article:focus')).toContainText('A first draft');
  });

  await test.step('copying gives the Markdown, and the link opens the message', async () => {
    await say(ada.page, 'With `code` and **weight**');
    await message(ada.page, 'With code').hover();
    await ada.page.getByRole('button', { name: 'More actions' }).click();
    await ada.page.getByRole('menuitem', { name: 'Copy as Markdown' }).click();
    await expect.poll(() => ada.page.evaluate(() => navigator.clipboard.readText())).toBe('With `code` and **weight**');
    await message(ada.page, 'A first draft').first().hover();
    await ada.page.getByRole('button', { name: 'More actions' }).click();
    await ada.page.getByRole('menuitem', { name: 'Copy link' }).click();
    await expect.poll(() => ada.page.evaluate(() => navigator.clipboard.readText())).toContain('?m=msg_');
  });

  await test.step('deleting asks, and leaves a tombstone for all', async () => {
    await message(ada.page, 'With code').hover();
    await ada.page.getByRole('button', { name: 'More actions' }).click();
    await ada.page.getByRole('menuitem', { name: 'Delete' }).click();
    await ada.page.getByRole('button', { name: 'Delete message' }).click();
    await expect(message(grace.page, 'This message was deleted.')).toBeVisible();
    await expect(message(grace.page, 'With code')).toHaveCount(0);
    await grace.page.reload();
    await live(grace.page);
    await expect(message(grace.page, 'This message was deleted.')).toBeVisible();
  });
});

test('no text of a message becomes markup or a dangerous link', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Attacks');
  await post(
    ada,
    place,
    '<img src=x onerror="window.hit=1"> <script>window.hit=2</script>',
    '[click](javascript:window.hit=3) ![pixel](https://tracker.invalid/p.png) <https://ok.example/x>',
    '```html\n<img src=x onerror="window.hit=4">\n```',
  );
  await enter(ada, place);
  await expect(message(ada.page, 'onerror').first()).toContainText('<img src=x onerror="window.hit=1">');
  await expect(ada.page.getByRole('log').locator('img, script, a[href^="javascript" i]')).toHaveCount(0);
  const link = ada.page.getByRole('link', { name: 'https://ok.example/x' });
  await expect(link).toHaveAttribute('rel', /noopener/);
  await expect(ada.page.locator('.hljs-tag, .hljs-name').first()).toBeVisible();
  expect(await ada.page.evaluate(() => (window as { hit?: number }).hit)).toBeUndefined();
});

test('a draft survives a reload, per chat', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Drafts');
  await enter(ada, place);
  await composer(ada.page).fill('half a thought');
  await ada.page.reload();
  await expect(composer(ada.page)).toHaveValue('half a thought');
});

test('opening a chat shows what is new since the last visit, and reading it clears the count', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'News', [grace]);
  await enter(grace, place);
  await post(ada, place, 'seen');
  await expect(message(grace.page, 'seen')).toBeVisible();
  await grace.page.goto(`/o/${place.org}/settings`);
  await post(ada, place, 'first unseen', 'second unseen');
  await grace.page.goto(`/o/${place.org}/c/${place.channel}`);
  // The list lags the chat by moments and is asked for again after 3 seconds, then every 10.
  await expect(grace.page.getByRole('link', { name: /News/ })).toContainText('2 unread', { timeout: 25_000 });
  await grace.page.getByRole('link', { name: /News/ }).click();
  await live(grace.page);
  const line = grace.page.getByRole('separator', { name: 'New messages' });
  await expect(line).toBeVisible();
  const [above, below] = await Promise.all([line.boundingBox(), message(grace.page, 'first unseen').boundingBox()]);
  expect(above!.y).toBeLessThan(below!.y);
  await expect(grace.page.getByRole('link', { name: /News/ })).not.toContainText('unread');
  await grace.page.reload();
  await live(grace.page);
  await expect(message(grace.page, 'second unseen')).toBeVisible();
  await expect(grace.page.getByRole('separator', { name: 'New messages' })).toHaveCount(0);
});

test('an answer that fails says why and what to do, and a tool call folds to one line', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Trouble');
  await enter(ada, place);
  await say(ada.page, '@demo fail: refused');
  const failure = ada.page.locator('[data-ended=failed]');
  await expect(failure).toContainText('Demo could not answer: the provider refused this request.');
  await expect(failure).toContainText('Put it another way');
  await say(ada.page, '@demo call: list_participants {}');
  const tool = ada.page.locator('details').filter({ hasText: 'list participants' });
  await expect(ada.page.getByRole('article', { name: /^Demo/ })).toHaveCount(1);
  // What is still being said is laid out anew once it was.
  await expect(ada.page.locator('article[data-turn]')).toHaveCount(0);
  await expect(tool.getByText('Arguments')).toBeHidden();
  await tool.locator('summary').click();
  await expect(tool.getByText('Arguments')).toBeVisible();
  await expect(tool).toContainText('Ada');
});

test('whoever is named or answered sees so in the list until it was read, and on the message', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Call', [grace]);
  await enter(grace, place);
  await grace.page.goto(`/o/${place.org}/settings`);
  await post(ada, place, 'nothing for anybody', 'over to you, @grace');
  const channel = grace.page.getByRole('navigation', { name: 'Workspace' }).getByRole('link', { name: /engineering/ });
  await expect(channel).toContainText('1 for you', { timeout: 25_000 });
  await grace.page.goto(`/o/${place.org}/c/${place.channel}`);
  const line = grace.page.getByRole('link', { name: /Call/ });
  await expect(line).toContainText('1 for you', { timeout: 25_000 });
  await expect(line).toContainText('2 unread');
  await line.click();
  await live(grace.page);
  await expect(grace.page.getByRole('article', { name: /mentions you/ })).toHaveText(/over to you/);
  await expect(message(grace.page, 'nothing for anybody')).toBeVisible();
  await expect(line).not.toContainText('for you');
  await expect(channel).not.toContainText('for you');
});
