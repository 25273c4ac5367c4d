// What agents are given: pins, context items, what agents propose, summaries; and the receipt of each answer. The agent is
// the demo model, which tells what it was given when it is asked for its context.
import { randomUUID } from 'node:crypto';

import type { Page } from '@playwright/test';

import { check } from './checks';
import { type Person, type Place, aChat, composer, enter, expect, message, post, say, test } from './people';

/** An answer takes a moment on a busy machine. */
const ANSWERED = { timeout: 30_000 };

const panel = (page: Page) => page.getByRole('region', { name: 'Context', exact: true });
const chatLog = (page: Page) => page.getByRole('log', { name: 'Messages', exact: true });
const pinned = (page: Page) => panel(page).getByRole('list', { name: 'Pinned messages' }).locator(':scope > li');
const items = (page: Page) => panel(page).getByRole('list', { name: 'Context items' }).locator(':scope > li');
const proposals = (page: Page) => panel(page).getByRole('list', { name: 'Proposals' });
const form = (page: Page) => panel(page).locator('[data-item-form]');
const button = (page: Page) => page.getByRole('button', { name: /^Context/ });

/** Has the demo agent of the org take part; it answers when it is mentioned. */
async function withAgent(person: Person, place: Place): Promise<void> {
  const { items: agents } = await person.call<{ items: { id: string; slug: string }[] }>('GET', `/v1/orgs/${place.org}/agents`, undefined, place.org);
  const demo = agents.find((agent) => agent.slug === 'demo');
  expect(demo, 'the org has the demo agent').toBeDefined();
  const chat = await person.call<{ participants: { id: { id: string } }[] }>('GET', `/v1/chats/${place.chat}`, undefined, place.org);
  if (!chat.participants.some((one) => one.id.id === demo!.id)) {
    await person.call('POST', `/v1/chats/${place.chat}/participants`, { agent: demo!.id }, place.org);
  }
  await person.call('PATCH', `/v1/chats/${place.chat}`, { default_agent: null }, place.org);
}

interface Item {
  id: string;
  version: number;
}

const anItem = (person: Person, place: Place, title: string, text: string) =>
  person.call<Item>('POST', `/v1/orgs/${place.org}/context-items`, { scope: 'chat', chat: place.chat, title, text, client_id: randomUUID() }, place.org);

/** Asks the demo agent what it was given. The answer. */
async function ask(page: Page) {
  const before = await message(page, 'I was given').count();
  await say(page, '@demo context');
  const answer = message(page, 'I was given').nth(before);
  await expect(answer.locator('[data-receipt]')).toBeVisible(ANSWERED);
  return answer;
}

test('a pin is seen by everyone, given to the agent, and told in the receipt', async ({ cast }) => {
  test.setTimeout(120_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Pins', [grace]);
  await withAgent(ada, place);
  await post(ada, place, 'The staging port is 9090', 'Something else');
  await enter(ada, place);
  await enter(grace, place);

  await test.step('Ada pins by keyboard, and both see the mark', async () => {
    await message(ada.page, 'staging port').focus();
    await ada.page.keyboard.press('Shift+P');
    await expect(message(ada.page, 'staging port').locator('[data-pinned]')).toHaveText(/Pinned by you/);
    await expect(message(grace.page, 'staging port').locator('[data-pinned]')).toHaveText(/Pinned by Ada/);
  });

  await test.step('the panel lists it, and leads to it', async () => {
    await ada.page.keyboard.press('x');
    await expect(pinned(ada.page)).toHaveCount(1);
    await expect(pinned(ada.page)).toContainText('The staging port is 9090');
    await check(ada.page, 'the context panel with a pin');
    await pinned(ada.page).getByRole('button').first().click();
    await expect(chatLog(ada.page).locator('article:focus')).toContainText('staging port');
  });

  await test.step('the agent is given it, and the receipt says so', async () => {
    const answer = await ask(ada.page);
    await expect(answer).toContainText('I was given');
    await answer.locator('[data-receipt]').click();
    const receipt = ada.page.getByRole('dialog', { name: 'What Demo was given' });
    await expect(receipt).toContainText(/of .* tokens/);
    await expect(receipt.locator('[data-part=instructions]')).toHaveCount(1);
    await check(ada.page, 'a receipt');
    await receipt.locator('[data-part=pin]').getByRole('button').click();
    await expect(receipt).toHaveCount(0);
    await expect(chatLog(ada.page).locator('article:focus')).toContainText('staging port');
  });

  await test.step('Grace takes the pin back in the message’s menu', async () => {
    await message(grace.page, 'staging port').first().hover();
    await grace.page.getByRole('button', { name: 'More actions' }).click();
    await grace.page.getByRole('menuitem', { name: 'Unpin' }).click();
    await expect(message(ada.page, 'staging port').locator('[data-pinned]')).toHaveCount(0);
    await expect(panel(ada.page)).toContainText('None. Pin a message');
  });

  await test.step('a pin goes with its message', async () => {
    await message(ada.page, 'Something else').focus();
    await ada.page.keyboard.press('Shift+P');
    await expect(pinned(ada.page)).toHaveCount(1);
    const { events } = await ada.call<{ events: { text?: string; message?: string }[] }>('GET', `/v1/chats/${place.chat}/events?limit=200`, undefined, place.org);
    const doomed = events.find((event) => event.text === 'Something else')?.message;
    await ada.call('DELETE', `/v1/chats/${place.chat}/messages/${doomed}`, undefined, place.org);
    await expect(pinned(ada.page)).toHaveCount(0);
  });
});

test('items are written, given, changed by two at once, and deleted', async ({ cast }) => {
  test.setTimeout(120_000);
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Items');
  await withAgent(ada, place);
  await enter(ada, place);
  const { page } = ada;

  await test.step('the first one, from an empty panel', async () => {
    await button(page).click();
    await expect(panel(page).locator('[data-empty]')).toBeVisible();
    await check(page, 'an empty context panel');
    await panel(page).getByRole('button', { name: 'Write the first one' }).click();
    await expect(form(page).getByLabel('Title')).toBeFocused();
    await form(page).getByRole('button', { name: 'Save' }).click();
    await expect(form(page)).toContainText('Give it a title.');
    await form(page).getByLabel('Title').fill('Deploy days');
    await form(page).getByLabel('Text').fill('We deploy on **Tuesdays**.');
    await form(page).getByLabel('Tags').fill('Release, ops');
    await check(page, 'writing a context item');
    await form(page).getByRole('button', { name: 'Save' }).click();
    await expect(items(page)).toHaveCount(1);
    await expect(items(page)).toContainText('We deploy on Tuesdays.');
    await expect(items(page)).toContainText('This chat');
    await expect(items(page).getByRole('list', { name: 'Tags' })).toContainText('release');
    await check(page, 'a context item');
  });

  await test.step('the agent is given it, and the receipt leads to it', async () => {
    const answer = await ask(page);
    await expect(answer).toContainText('Deploy days');
    await answer.locator('[data-receipt]').click();
    await page.getByRole('dialog', { name: 'What Demo was given' }).getByRole('button', { name: 'Deploy days' }).click();
    await expect(panel(page).locator('article:focus')).toContainText('Deploy days');
  });

  await test.step('what somebody else saved meanwhile is shown, and nothing is lost', async () => {
    const { items: listed } = await ada.call<{ items: Item[] }>('GET', `/v1/orgs/${place.org}/context-items?chat=${place.chat}`, undefined, place.org);
    const { id, version } = listed[0]!;
    await items(page).getByRole('button', { name: /^Edit/ }).click();
    await form(page).getByLabel('Text').fill('We deploy on Mondays.');
    await ada.call('PATCH', `/v1/orgs/${place.org}/context-items/${id}`, { version, title: 'Days to deploy', text: 'We deploy on Fridays.' }, place.org);
    await form(page).getByRole('button', { name: 'Save' }).click();
    await expect(form(page).locator('[data-conflict]')).toBeVisible();
    await expect(form(page).locator('[data-theirs=text]')).toContainText('We deploy on Fridays.');
    await expect(form(page).getByLabel('Text')).toHaveValue('We deploy on Mondays.');
    await expect(form(page).getByLabel('Title')).toHaveValue('Days to deploy');
    await check(page, 'a context item that two changed');
    await form(page).getByRole('button', { name: 'Keep mine' }).click();
    await form(page).getByRole('button', { name: 'Save' }).click();
    await expect(items(page)).toContainText('We deploy on Mondays.');
    await expect(items(page)).toContainText('Days to deploy');
  });

  await test.step('what is being written outlives the panel', async () => {
    await panel(page).getByRole('button', { name: 'New item' }).click();
    await form(page).getByLabel('Title').fill('Half a thought');
    await page.keyboard.press('Escape');
    await expect(panel(page)).toHaveCount(0);
    await button(page).click();
    await expect(form(page).getByLabel('Title')).toHaveValue('Half a thought');
    await form(page).getByRole('button', { name: 'Cancel' }).click();
  });

  await test.step('a message becomes an item that leads back to it', async () => {
    await say(page, 'The logo is blue');
    await message(page, 'The logo is blue').first().hover();
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('menuitem', { name: 'Write a context item' }).click();
    await expect(form(page).getByLabel('Text')).toHaveValue('The logo is blue');
    await form(page).getByRole('button', { name: 'Save' }).click();
    await items(page).filter({ hasText: 'The logo is blue' }).getByRole('button', { name: 'From this message' }).click();
    await expect(chatLog(page).locator('article:focus')).toContainText('The logo is blue');
  });

  await test.step('deleting asks first, and counts at once', async () => {
    await items(page).filter({ hasText: 'Days to deploy' }).getByRole('button', { name: /^Delete/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete item' }).click();
    await expect(items(page)).toHaveCount(1);
    const answer = await ask(page);
    await expect(answer).not.toContainText('Days to deploy');
  });
});

test('what an agent proposes counts for nobody until a person accepts it', async ({ cast }) => {
  test.setTimeout(120_000);
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Proposals');
  await withAgent(ada, place);
  await enter(ada, place);
  const { page } = ada;
  const propose = (title: string) => say(page, `@demo call: propose_context ${JSON.stringify({ scope: 'chat', title, text: `${title}, as the agent says`, tags: ['colour'] })}`);

  await propose('Blue is ours');
  await expect(button(page)).toContainText('1 proposed', ANSWERED);
  await propose('Red is not');
  await expect(button(page)).toContainText('2 proposed', ANSWERED);
  await expect(await ask(page)).not.toContainText('Blue is ours, as the agent says');

  await button(page).click();
  await expect(proposals(page).getByRole('button', { name: /^Accept/ })).toHaveCount(2);
  await check(page, 'what agents propose');

  await test.step('a dismissal can be taken back by key', async () => {
    await proposals(page).getByRole('button', { name: 'Dismiss “Red is not”' }).press('Enter');
    await expect(proposals(page).getByRole('button', { name: 'Undo' })).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(proposals(page).getByRole('button', { name: 'Dismiss “Red is not”' })).toBeFocused();
    await expect(button(page)).toContainText('2 proposed');
  });

  await proposals(page).getByRole('button', { name: 'Dismiss “Red is not”' }).click();
  await proposals(page).getByRole('button', { name: 'Accept “Blue is ours”' }).click();
  await expect(items(page)).toContainText('Blue is ours');
  await expect(button(page)).not.toContainText('proposed');
  await expect(panel(page).getByText('Red is not')).toHaveCount(0);
  await expect(await ask(page)).toContainText('Blue is ours');
});

test('a long chat is summarised by one quiet line', async ({ cast }) => {
  test.setTimeout(150_000);
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'A long one');
  await withAgent(ada, place);
  await post(ada, place, ...Array.from({ length: 110 }, (_, index) => `Message number ${index + 1}`));
  await enter(ada, place);
  const { page } = ada;
  await say(page, '@demo hello');
  const line = chatLog(page).locator('[data-summary]');
  await expect(line).toHaveCount(1, ANSWERED);
  await expect(chatLog(page).locator('[data-turn]')).toHaveCount(0);
  await line.getByRole('button').click();
  await expect(line).toContainText('Message number 1');
  await check(page, 'a summary in the chat');

  const answer = await ask(page);
  await answer.locator('[data-receipt]').click();
  await page.getByRole('dialog', { name: 'What Demo was given' }).locator('[data-part=summary]').getByRole('button').click();
  await expect(line.getByRole('button')).toBeFocused();
});

for (const [name, options] of Object.entries({
  light: { colorScheme: 'light' as const },
  dark: { colorScheme: 'dark' as const },
})) {
  test(`the panel fills a phone: ${name}`, async ({ cast }) => {
    test.setTimeout(90_000);
    const ada = await cast.person('Ada', { viewport: { width: 390, height: 844 }, ...options });
    const place = await aChat(ada, 'On the road');
    await withAgent(ada, place);
    await post(ada, place, 'A message with-a-very-long-word-that-does-not-fit-on-a-phone-at-all-and-is-pinned-nevertheless');
    await anItem(ada, place, 'A-title-that-is-one-word-and-longer-than-a-phone-is-wide-by-far', `${'A long text that is cut. '.repeat(30)}`);
    await enter(ada, place);
    const { page } = ada;
    await message(page, 'A message').focus();
    await page.keyboard.press('Shift+P');
    await expect(message(page, 'A message').locator('[data-pinned]')).toBeVisible();
    await check(page, 'a pinned message on a phone');

    await button(page).click();
    await expect(pinned(page)).toHaveCount(1);
    await items(page).getByRole('button', { name: 'Show all' }).click();
    await check(page, 'the context panel on a phone');
    await items(page).getByRole('button', { name: /^Edit/ }).click();
    await expect(form(page).getByLabel('Title')).toBeFocused();
    await check(page, 'changing an item on a phone');
    await form(page).getByRole('button', { name: 'Cancel' }).click();
    await pinned(page).getByRole('button').first().click();
    await expect(panel(page)).toHaveCount(0);
    await expect(composer(page)).toBeVisible();

    const answer = await ask(page);
    await answer.locator('[data-receipt]').click();
    await expect(page.getByRole('dialog', { name: 'What Demo was given' })).toBeVisible();
    await check(page, 'a receipt on a phone');
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  });
}
