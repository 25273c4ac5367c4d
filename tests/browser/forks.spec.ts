// A fork as two people see it: begun from a message, discussed beside the chat, drafted by the agent, accepted into the
// chat. The agent is the demo model.
import { check } from './checks';
import { DRAFTED, chatLog, forkComposer, line, panel, sayInFork, startFork, withAgent } from './forking';
import { aChat, composer, enter, expect, live, message, post, say, test } from './people';

test('a fork is begun, discussed by two, drafted by the agent and settled in the chat', async ({ cast }) => {
  test.setTimeout(150_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Storage', [grace]);
  await post(ada, place, 'Which database do we take?');
  await withAgent(ada, place);
  await enter(ada, place);
  await enter(grace, place);

  await test.step('Ada begins it, and both see its line below the message', async () => {
    await startFork(ada.page, 'Which database', 'Choose the database');
    await expect(forkComposer(ada.page)).toBeFocused();
    await expect(ada.page).toHaveURL(/[?&]fork=fork_/);
    await expect(line(grace.page)).toContainText('Choose the database');
    await expect(line(grace.page)).toHaveAttribute('data-state', 'open');
    await expect(grace.page.getByRole('button', { name: /^Forks/ })).toContainText('1');
    await expect(chatLog(grace.page)).toContainText('Ada started a fork');
  });

  await test.step('both write in it, and the chat stays as it was', async () => {
    await sayInFork(ada.page, '@demo nothing to do yet, we only collect');
    await line(grace.page).click();
    await expect(panel(grace.page)).toContainText('we only collect');
    await sayInFork(grace.page, 'I prefer the small one, it is enough');
    await expect(panel(ada.page)).toContainText('I prefer the small one');
    for (const { page } of [ada, grace]) await expect(chatLog(page)).not.toContainText('I prefer the small one');
    // Both are answered; until then the rows move.
    await expect(panel(ada.page).getByRole('article').filter({ hasText: 'put a real model in my place' })).toHaveCount(2, DRAFTED);
    await panel(ada.page).getByRole('article').filter({ hasText: 'I prefer the small one' }).first().hover();
    await panel(ada.page).getByRole('button', { name: 'React with 👍' }).click();
    await expect(panel(grace.page).getByRole('button', { name: '👍, 1' })).toBeVisible();
    await check(ada.page, 'a fork beside the chat');
  });

  await test.step('it survives a reload, Escape closes it, and the focus goes back', async () => {
    await ada.page.reload();
    await live(ada.page);
    await expect(panel(ada.page)).toContainText('I prefer the small one');
    await forkComposer(ada.page).press('Escape');
    await expect(panel(ada.page)).toHaveCount(0);
    await expect(ada.page).not.toHaveURL(/fork=/);
    await line(ada.page).focus();
    await ada.page.keyboard.press('Enter');
    await expect(panel(ada.page)).toBeVisible();
    await expect(forkComposer(ada.page)).toBeFocused();
    await ada.page.keyboard.press('Escape');
    await expect(line(ada.page)).toBeFocused();
    await line(ada.page).click();
  });

  await test.step('the agent drafts, Ada chooses the evidence and accepts', async () => {
    await panel(ada.page).getByRole('button', { name: 'Resolve' }).click();
    const dialog = ada.page.getByRole('dialog', { name: 'Resolve the fork' });
    const text = dialog.getByRole('textbox', { name: 'Summary' });
    await expect(text).toHaveValue(/\[\d+\]/, DRAFTED);
    const boxes = dialog.locator('[data-evidence]').getByRole('checkbox');
    await expect(boxes.first()).toBeChecked();
    await text.fill(`${await text.inputValue()}\n\nWe take the small one.`);
    await dialog.getByText('Preview', { exact: true }).click();
    await expect(dialog.getByRole('region', { name: 'Preview of the summary' })).toContainText('We take the small one.');
    await check(ada.page, 'resolving a fork');
    await dialog.getByRole('button', { name: 'Accept and post to the chat' }).click();
    await expect(dialog).toHaveCount(0);
  });

  await test.step('both see the summary, what it rests on, and that the fork has ended', async () => {
    for (const { page } of [ada, grace]) {
      await expect(chatLog(page)).toContainText('We take the small one.');
      await expect(page.locator('[data-settled]')).toContainText('Settled from fork');
      await expect(line(page)).toHaveAttribute('data-state', 'resolved');
    }
    await expect(panel(grace.page).locator('[data-fork-ended]')).toContainText('resolved this fork');
    await expect(forkComposer(grace.page)).toHaveCount(0);
    await grace.page.keyboard.press('Escape');
    await grace.page.getByRole('button', { name: 'Evidence 1: open it in the fork' }).click();
    await expect(panel(grace.page).locator('article:focus')).toBeVisible();
  });
});

test('without an agent people write the summary; whoever comes second sees what stands; an abandoned fork stays quiet', async ({ cast }) => {
  test.setTimeout(120_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Names', [grace]);
  await ada.call('PATCH', `/v1/chats/${place.chat}`, { default_agent: null }, place.org);
  await post(ada, place, 'What do we call it?');
  await enter(ada, place);
  await enter(grace, place);
  await startFork(ada.page, 'What do we call it?', 'Find a name');
  await line(grace.page).click();

  for (const { page } of [ada, grace]) {
    await panel(page).getByRole('button', { name: 'Resolve' }).click();
    await expect(page.getByRole('textbox', { name: 'Summary' })).toHaveValue(/## Decision[\s\S]*## Reasons[\s\S]*## Open points/);
  }
  await grace.page.getByRole('textbox', { name: 'Summary' }).fill('Mine: Ebb.');
  await ada.page.getByRole('textbox', { name: 'Summary' }).fill('It is called Tide.');
  await ada.page.getByRole('button', { name: 'Accept and post to the chat' }).click();
  const late = grace.page.getByRole('dialog', { name: 'Resolve the fork' });
  await expect(late).toContainText('Ada resolved this fork meanwhile');
  await expect(late).toContainText('It is called Tide.');
  await expect(late.getByLabel('Your summary, not posted')).toHaveValue('Mine: Ebb.');
  await late.getByRole('button', { name: 'Close' }).last().click();

  await startFork(ada.page, 'What do we call it?', 'Find a colour');
  await panel(ada.page).getByRole('button', { name: 'More about this fork' }).click();
  await ada.page.getByRole('menuitem', { name: 'Abandon' }).click();
  await ada.page.getByRole('button', { name: 'Abandon fork' }).click();
  await expect(panel(ada.page).locator('[data-fork-ended]')).toContainText('abandoned');
  await expect(chatLog(grace.page)).toContainText('Ada abandoned a fork');

  await panel(ada.page).getByRole('button', { name: 'All forks' }).click();
  const list = ada.page.getByRole('region', { name: 'Forks', exact: true });
  await expect(list.getByRole('listitem')).toHaveCount(2);
  await expect(list.getByRole('listitem').first()).toContainText('Abandoned');
  await check(ada.page, 'the list of forks');
});

test('on a phone a fork fills the screen', async ({ cast }) => {
  const ada = await cast.person('Ada', { viewport: { width: 320, height: 640 } });
  const place = await aChat(ada, 'Small');
  await post(ada, place, 'A question with-a-very-long-word-that-does-not-fit-on-a-phone-at-all');
  await enter(ada, place);
  await message(ada.page, 'A question').focus();
  await ada.page.keyboard.press('f');
  await ada.page.getByLabel('What shall be settled?').fill('Settle it here');
  await ada.page.getByRole('button', { name: 'Start the fork' }).click();
  await sayInFork(ada.page, 'From a phone');
  await check(ada.page, 'a fork on a phone');
  await panel(ada.page).getByRole('button', { name: 'Close' }).click();
  await expect(composer(ada.page)).toBeVisible();
  await check(ada.page, 'a chat with a fork on a phone');
  await say(ada.page, 'and on it goes');
});
