// Signing in and out, over several tabs of one browser.
import { PASSWORD, aChat, expect, live, test } from './people';

test('a wrong password and an unknown address are told the same', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const { page } = await cast.visitor('Visitor');
  const said: string[] = [];
  for (const [email, password] of [
    [ada.email, 'not the right one'],
    ['nobody.at.all@example.com', PASSWORD],
  ] as const) {
    await page.goto('/sign-in');
    await page.getByLabel('Email').fill(email);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('alert')).not.toBeEmpty();
    said.push(await page.getByRole('alert').innerText());
  }
  expect(said[0]).toBe(said[1]);
});

test('many tabs opened at once stay signed in, and signing out in one ends all', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Tabs');
  const tabs = [ada.page, ...(await Promise.all([1, 2, 3].map(() => ada.context.newPage())))];
  for (let round = 0; round < 2; round += 1) {
    await Promise.all(tabs.map((tab) => tab.goto(place.path)));
    for (const tab of tabs) await live(tab);
  }
  await tabs[0]!.goto(`/o/${place.org}/settings`);
  await tabs[0]!.getByRole('button', { name: 'Sign out', exact: true }).click();
  for (const tab of tabs) await expect(tab).toHaveURL(/\/sign-in/);
  await tabs[1]!.reload();
  await expect(tabs[1]!.getByRole('button', { name: 'Sign in' })).toBeVisible();
});

test('an access token that ends is renewed without a word', async ({ cast }) => {
  const ada = await cast.person('Ada');
  const place = await aChat(ada, 'Renewal');
  await ada.page.goto(place.path);
  await live(ada.page);
  const answers: number[] = [];
  ada.page.on('response', (response) => {
    if (response.url().endsWith('/participants')) answers.push(response.status());
  });
  await ada.page.route(
    '**/participants',
    (route) =>
      route.fulfill({
        status: 401,
        contentType: 'application/problem+json',
        body: JSON.stringify({ type: 'about:blank', title: 'Sign in first', status: 401, code: 'unauthenticated' }),
      }),
    { times: 1 },
  );
  const agent = await ada.call<{ id: string }>(
    'POST',
    `/v1/orgs/${place.org}/agents`,
    { slug: 'helper', name: 'Helper', instructions: '', model: 'demo', is_default: false },
    place.org,
  );
  expect(agent.id).toMatch(/^agent_/);
  await ada.page.reload();
  await live(ada.page);
  await ada.page.getByRole('button', { name: /^Participants/ }).click();
  await ada.page.getByLabel('Add a person or an agent').fill('helper');
  await ada.page.getByRole('button', { name: /Helper/ }).click();
  await expect(ada.page.getByText(/You added .*Helper/)).toBeVisible();
  await expect.poll(() => answers).toEqual([401, 200]);
});
