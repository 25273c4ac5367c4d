// The whole path: two people, an invitation, a chat, an agent that answers both of them, and nothing lost by a reload.
import { PASSWORD, composer, expect, live, message, say, test } from './people';

test('a team talks to an agent in two windows, and a reload keeps all', async ({ cast }) => {
  const ada = await cast.visitor('Ada Lovelace');
  const grace = await cast.visitor('Grace Hopper');

  await test.step('Ada signs up and makes an org', async () => {
    await ada.page.goto('/');
    await expect(ada.page).toHaveURL(/\/sign-in$/);
    await ada.page.getByRole('link', { name: 'Create an account' }).click();
    await ada.page.getByLabel('Your name').fill(ada.name);
    await ada.page.getByLabel('Email').fill(ada.email);
    await ada.page.getByLabel('Password', { exact: true }).fill('short');
    await ada.page.getByRole('button', { name: 'Create account' }).click();
    await expect(ada.page.getByText('Use at least 10 characters.')).toBeVisible();
    await ada.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await ada.page.getByRole('button', { name: 'Create account' }).click();
    await expect(ada.page.getByRole('heading', { name: 'Name your org' })).toBeVisible();
    await ada.page.getByLabel('Name').fill('Analytical Engines');
    await ada.page.getByRole('button', { name: 'Create org' }).click();
    await expect(ada.page.getByRole('link', { name: 'general' })).toBeVisible();
  });

  const link = await test.step('Ada invites Grace', async () => {
    await ada.page.getByRole('link', { name: 'Members' }).click();
    await ada.page.getByRole('button', { name: 'Invite', exact: true }).click();
    await ada.page.getByLabel('Email').fill(grace.email);
    await ada.page.getByRole('button', { name: 'Create invitation' }).click();
    const link = await ada.page.getByLabel('Invitation link').inputValue();
    await ada.page.getByRole('button', { name: 'Done' }).click();
    await expect(ada.page.getByText(grace.email)).toBeVisible();
    return link;
  });

  await test.step('Grace opens the link, signs up and joins', async () => {
    await grace.page.goto(link);
    await expect(grace.page.getByRole('heading', { name: 'Join Analytical Engines' })).toBeVisible();
    await grace.page.getByRole('link', { name: 'Create an account to join' }).click();
    await grace.page.getByLabel('Your name').fill(grace.name);
    await expect(grace.page.getByLabel('Email')).toHaveValue(grace.email);
    await grace.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await grace.page.getByRole('button', { name: 'Create account' }).click();
    await grace.page.getByRole('button', { name: 'Join Analytical Engines' }).click();
    await expect(grace.page.getByRole('link', { name: 'general' })).toBeVisible();
  });

  await test.step('Ada makes a channel and starts a chat', async () => {
    await ada.page.getByRole('button', { name: 'New channel' }).click();
    await ada.page.getByLabel('Name').fill('Engine Room');
    await expect(ada.page.getByText('Will be called engine-room')).toBeVisible();
    await ada.page.getByRole('button', { name: 'Create channel' }).click();
    await ada.page.getByRole('button', { name: 'New chat' }).first().click();
    await ada.page.getByLabel('Title').fill('Bernoulli numbers');
    await ada.page.getByRole('button', { name: 'Start chat' }).click();
    await expect(ada.page.getByRole('heading', { level: 1, name: 'Bernoulli numbers' })).toBeVisible();
    await live(ada.page);
  });

  await test.step('Grace finds the chat and joins it by opening it', async () => {
    await grace.page.reload();
    await grace.page.getByRole('link', { name: 'engine-room' }).click();
    await grace.page.getByRole('link', { name: /Bernoulli numbers/ }).click();
    await live(grace.page);
    await expect(ada.page.getByText('Grace Hopper joined')).toBeVisible();
  });

  await test.step('they write to each other', async () => {
    await say(ada.page, 'Shall we compute the seventh one?');
    await expect(message(grace.page, 'Shall we compute the seventh one?')).toBeVisible();
    await composer(grace.page).pressSequentially('Yes, with');
    await expect(ada.page.getByText('Grace Hopper is writing…')).toBeVisible();
    await composer(grace.page).fill('');
    await say(grace.page, 'Yes, with the **engine**.');
    await expect(message(ada.page, 'Yes, with the engine.').locator('strong')).toHaveText('engine');
  });

  await test.step('Ada asks the agent, and both see its answer come', async () => {
    await composer(ada.page).pressSequentially('@de');
    await expect(ada.page.getByRole('option', { name: /Demo/ })).toBeVisible();
    await composer(ada.page).press('Enter');
    await expect(composer(ada.page)).toHaveValue('@demo ');
    await composer(ada.page).pressSequentially('who are you?');
    await composer(ada.page).press('Enter');
    for (const { page } of [ada, grace]) {
      await expect(page.locator('[data-turn]')).toBeVisible();
    }
    for (const { page } of [ada, grace]) {
      await expect(page.locator('[data-turn]')).toHaveCount(0);
      await expect(page.getByRole('log').getByRole('article', { name: /^Demo/ })).toHaveCount(1);
    }
    const answers = await Promise.all(
      [ada, grace].map(({ page }) => page.getByRole('log').getByRole('article', { name: /^Demo/ }).locator('.markdown').innerText()),
    );
    expect(answers[0]).toBe(answers[1]);
    expect(answers[0]?.length).toBeGreaterThan(20);
    await expect(ada.page.locator('[data-announcer]')).toHaveText(/Demo finished its answer/);
  });

  await test.step('a reload keeps all', async () => {
    const texts = () => ada.page.getByRole('log').locator('.markdown').allInnerTexts();
    const before = await texts();
    await ada.page.reload();
    await live(ada.page);
    expect(before).toHaveLength(4);
    await expect.poll(texts).toEqual(before);
  });

  await test.step('the list shows the newest message, read', async () => {
    await expect(ada.page.getByRole('link', { name: /Bernoulli numbers/ })).not.toContainText('unread');
  });
});

test('an agent can be made, edited, added by a mention, and stopped', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const { page } = ada;
  await page.goto('/');
  await page.getByLabel('Name').fill('Solo');
  await page.getByRole('button', { name: 'Create org' }).click();
  await page.getByRole('link', { name: 'Agents' }).click();
  await expect(page.getByText('@demo')).toBeVisible();
  await page.getByRole('button', { name: 'New agent' }).click();
  await page.getByLabel('Name').fill('Second Opinion');
  await expect(page.getByLabel('Mentioned as')).toHaveValue('second-opinion');
  await page.getByLabel('Instructions').fill('Disagree politely.');
  await page.getByRole('button', { name: 'Create agent' }).click();
  await expect(page.getByText('@second-opinion')).toBeVisible();
  await page.getByRole('button', { name: 'Edit Second Opinion' }).click();
  await page.getByLabel('Name').fill('Third Opinion');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('heading', { name: 'Third Opinion' })).toBeVisible();

  await page.getByRole('link', { name: 'general' }).click();
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await page.getByLabel('Title').fill('Stop and go');
  await page.getByRole('button', { name: 'Start chat' }).click();
  await live(page);
  await composer(page).pressSequentially('@third');
  await expect(page.getByRole('option', { name: /Third Opinion/ })).toContainText('will be added');
  await composer(page).press('Tab');
  await composer(page).pressSequentially('write 400 words');
  await composer(page).press('Enter');
  await expect(page.getByText(/You added .*Third Opinion/)).toBeVisible();
  await expect(page.locator('[data-turn] .markdown')).toContainText(/\w+ \w+/);
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await expect(page.getByText('Stopped before its end')).toBeVisible();
  await expect(page.locator('[data-turn]')).toHaveCount(0);
});
