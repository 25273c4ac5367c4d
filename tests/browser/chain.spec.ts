// The whole chain, as two people go through it: a message, a fork from it, an agent that is asked in the fork, its draft that
// a person edits and accepts, the summary in the chat, the org's search that finds it, and the next answer's receipt.
import { DRAFTED, chatLog, forkComposer, line, panel, sayInFork, startFork, withAgent } from './forking';
import { aChat, enter, expect, live, message, say, test } from './people';

/** An answer takes a moment on a busy machine. */
const ANSWERED = { timeout: 60_000 };
/** The org's index lags the chats by moments. */
const INDEXED = { timeout: 60_000 };
/** Stands in the summary as a person edits it, and nowhere before that. */
const EDITED = 'Kittiwake is the one, until the spring review.';
const WANTED = 'kittiwake spring';

interface Told {
  type: string;
  message?: string;
  receipt?: { parts: { kind: string; message?: string; fork?: string }[] };
}

test('what was settled in a fork is found by its people and given to the agent', async ({ cast }) => {
  test.setTimeout(300_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Storage', [grace]);
  // Only what is said from here on is answered without being asked.
  await ada.call('PATCH', `/v1/chats/${place.chat}`, { default_agent: null }, place.org);
  await enter(ada, place);
  await enter(grace, place);

  await test.step('Ada asks in the chat, and begins a fork from her message', async () => {
    await say(ada.page, 'Which database do we take?');
    await expect(message(grace.page, 'Which database do we take?')).toHaveCount(1);
    await withAgent(ada, place);
    await startFork(ada.page, 'Which database', 'Choose the database');
    await expect(line(grace.page)).toContainText('Choose the database');
    await line(grace.page).click();
    await expect(panel(grace.page)).toBeVisible();
  });

  await test.step('the agent that Grace mentions in the fork answers there, for both', async () => {
    await sayInFork(grace.page, '@demo 1234 * 5');
    for (const { page } of [ada, grace]) {
      await expect(panel(page).getByRole('article').filter({ hasText: '6170' })).toHaveCount(1, ANSWERED);
      await expect(chatLog(page)).not.toContainText('6170');
    }
    await sayInFork(ada.page, 'So many rows fit into the small one');
    await expect(panel(ada.page).getByRole('article').filter({ hasText: 'put a real model in my place' })).toHaveCount(1, ANSWERED);
  });

  await test.step('the default agent drafts, Grace edits the draft and accepts it', async () => {
    await panel(grace.page).getByRole('button', { name: 'Resolve' }).click();
    const dialog = grace.page.getByRole('dialog', { name: 'Resolve the fork' });
    const text = dialog.getByRole('textbox', { name: 'Summary' });
    await expect(text).toHaveValue(/So many rows fit into the small one[\s\S]*\[\d+\]/, DRAFTED);
    const draft = await text.inputValue();
    expect(draft.toLowerCase()).not.toContain('kittiwake');
    await expect(dialog.locator('[data-evidence]').getByRole('checkbox').first()).toBeChecked();
    await text.fill(`${draft}\n\n${EDITED}`);
    await dialog.getByRole('button', { name: 'Accept and post to the chat' }).click();
    await expect(dialog).toHaveCount(0);
  });

  await test.step('the summary stands in the chat, with the ways to its fork and to what it rests on', async () => {
    for (const { page } of [ada, grace]) {
      await expect(message(page, EDITED)).toHaveCount(1);
      await expect(page.locator('[data-settled]')).toContainText('Settled from fork');
      await expect(line(page)).toHaveAttribute('data-state', 'resolved');
    }
    await panel(ada.page).getByRole('button', { name: 'Close' }).click();
    await expect(panel(ada.page)).toHaveCount(0);
    await ada.page.locator('[data-settled]').getByRole('button', { name: 'Choose the database' }).click();
    await expect(panel(ada.page).locator('[data-fork-ended]')).toContainText('Grace resolved this fork');
    await expect(forkComposer(ada.page)).toHaveCount(0);
    await ada.page.getByRole('button', { name: 'Evidence 1: open it in the fork' }).click();
    await expect(panel(ada.page).locator('article:focus')).toBeVisible();
    await panel(ada.page).getByRole('button', { name: 'Close' }).click();
  });

  const settled = await message(ada.page, EDITED).getAttribute('data-message');
  expect(settled).toMatch(/^msg_/);

  await test.step('Ada finds it across the org by words of the edited summary alone, and the result leads to it', async () => {
    const { page } = ada;
    await page.getByRole('link', { name: 'Search', exact: true }).click();
    const field = page.getByRole('searchbox', { name: 'Search messages' });
    await expect(field).toBeFocused();
    const found = page.getByRole('list', { name: 'Messages found' }).getByRole('link');
    await expect(async () => {
      await field.fill('');
      await field.fill(WANTED);
      await expect(found).toHaveCount(1, { timeout: 2_000 });
    }).toPass(INDEXED);
    await expect(found).toContainText('Grace');
    await expect(found.locator('mark')).toHaveText([/kittiwake/i, /spring/i]);
    await found.click();
    await live(page);
    await expect(page).toHaveURL(new RegExp(`[?&]m=${settled}`));
    await expect(chatLog(page).locator('article:focus')).toHaveAttribute('data-message', settled!);
    await expect(chatLog(page).locator('article:focus')).toContainText(EDITED);
  });

  await test.step('the agent’s next answer in the chat was given it, and its receipt says so and leads to the fork', async () => {
    const { page } = ada;
    await say(page, '@demo context');
    const answer = message(page, 'I was given');
    await expect(answer.locator('[data-receipt]')).toBeVisible(ANSWERED);
    await answer.locator('[data-receipt]').click();
    const receipt = page.getByRole('dialog', { name: 'What Demo was given' });
    const part = receipt.locator('li[data-part=fork]');
    await expect(part).toHaveCount(1);
    await expect(part).toContainText('Choose the database');

    // Which summary it was, the page shows by the fork that it came from; the log says it by its id.
    const { events } = await ada.call<{ events: Told[] }>('GET', `/v1/chats/${place.chat}/events?limit=200`, undefined, place.org);
    const completed = events.filter((event) => event.type === 'turn.completed' && event.receipt).at(-1);
    expect(completed?.receipt?.parts.filter(({ kind }) => kind === 'fork').map((one) => one.message)).toEqual([settled]);

    await part.getByRole('button').click();
    await expect(receipt).toHaveCount(0);
    await expect(panel(page)).toContainText('Choose the database');
    await expect(panel(page).locator('[data-fork-ended]')).toContainText('Grace resolved this fork');
  });
});
