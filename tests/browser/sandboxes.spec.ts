// Sandboxes as two people see them: one asks, the other approves; progress, output, preview, files, terminal, artifact; and
// access that can be cut. The agent is the demo model, so everything it does is known.
import { readFile } from 'node:fs/promises';

import type { Page } from '@playwright/test';

import { check } from './checks';
import { type Person, aChat, enter, expect, live, message, say, test } from './people';
import { CUT, LISTED, PORT, STARTS, ask, card, decide, frame, openCard, openPanel, panel, stopAll, tab } from './sandbox';

/** Notes every text that `selector` shows from now on, however short. */
async function watch(page: Page, selector: string): Promise<() => Promise<string[]>> {
  await page.evaluate((wanted) => {
    const seen = new Set<string>();
    const look = (): void => document.querySelectorAll(wanted).forEach((one) => seen.add(one.textContent.trim()));
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
    look();
    (window as unknown as Record<string, unknown>)[`seen ${wanted}`] = seen;
  }, selector);
  return () => page.evaluate((wanted) => [...((window as unknown as Record<string, Set<string>>)[`seen ${wanted}`] ?? [])], selector);
}

test('one asks for a web page, another approves it, and both see it run until it is cut off', async ({ cast }) => {
  test.setTimeout(240_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Tides', [grace]);
  await enter(ada, place);
  await enter(grace, place);

  await test.step('the card says everything, and who asked cannot approve', async () => {
    await say(ada.page, '@demo make me a web page about tides');
    for (const { page } of [ada, grace]) {
      const one = openCard(page);
      await expect(one.getByRole('heading', { name: 'Start a sandbox' })).toBeVisible();
      await expect(one).toContainText('Small 1 CPU, 1 GiB memory, 2 GiB disk');
      await expect(one).toContainText('No network');
      await expect(one).toContainText(/\$\d+\.\d+ an hour/);
      await expect(one).toContainText(/left this month/);
      await expect(one).toContainText('Static site');
      await expect(one).toContainText('tides');
      await expect(one).toContainText(/\d+ [dh] \d+ (h|min) left/);
      await expect(page.locator('[data-turn]')).toContainText('Waits for an approval');
    }
    await expect(openCard(ada.page)).toContainText('You asked for this, so somebody else in the chat has to approve it.');
    await expect(openCard(ada.page).getByRole('button', { name: 'Approve' })).toHaveCount(0);
    await expect(openCard(grace.page).getByRole('button', { name: 'Approve' })).toBeVisible();
    await expect(ada.page.locator('[data-announcer]')).toHaveText('Demo asks for an approval.');
  });

  await test.step('Grace approves, and both see how far it is', async () => {
    const progress = await watch(ada.page, '[data-progress]');
    const states = await watch(grace.page, '[data-approval] [data-ended]');
    await openCard(grace.page).getByRole('button', { name: 'Approve' }).click();
    for (const { page } of [ada, grace]) {
      await expect(card(page)).toHaveAttribute('data-state', 'approved', STARTS);
      await expect(page.locator('[data-sandbox-news=ready]')).toBeVisible(STARTS);
    }
    await expect(card(ada.page)).toContainText('Approved by Grace');
    await expect(card(grace.page)).toContainText('Approved by you');
    expect((await progress()).length).toBeGreaterThan(0);
    expect((await states()).length).toBeGreaterThan(0);
  });

  await test.step('the agent writes, serves and shows the page', async () => {
    for (const { page } of [ada, grace]) {
      await expect(page.locator(`[data-preview-card="${PORT}"]`)).toBeVisible(STARTS);
      await expect(page.locator('[data-artifact]')).toContainText('index.html', STARTS);
      await expect(page.locator('[data-turn]')).toHaveCount(0, STARTS);
    }
    const written = ada.page.locator('details[data-tool=write_file]').first();
    await expect(written.locator('summary')).toContainText('index.html');
    await expect(written.getByText('Arguments')).toBeHidden();
    await written.locator('summary').click();
    await expect(written.getByText('Arguments')).toBeVisible();
    await written.locator('summary').click();
  });

  await test.step('the preview opens beside the chat, and follows a change by itself', async () => {
    for (const { page } of [ada, grace]) {
      await page.locator(`[data-preview-card="${PORT}"]`).getByRole('button', { name: 'Open preview' }).click();
      await expect(frame(page).getByRole('heading', { level: 1 })).toHaveText('Tides', STARTS);
    }
    await say(ada.page, '@demo change the page: moons');
    for (const { page } of [ada, grace]) {
      await expect(frame(page).getByRole('heading', { level: 1 })).toHaveText('Moons', STARTS);
    }
    await panel(ada.page).getByText('Phone', { exact: true }).click();
    await expect.poll(() => frame(ada.page).locator('html').evaluate(() => innerWidth)).toBe(390);
    await panel(ada.page).getByText('Fit', { exact: true }).click();
  });

  await test.step('the frame has a host of its own and no session', async () => {
    const host = await frame(ada.page).locator('html').evaluate(() => location.host);
    expect(host).not.toBe(new URL(ada.page.url()).host);
    expect(host).toMatch(new RegExp(`^${PORT}-[0-9a-f]{32}\\.`));
    const said = await frame(ada.page).locator('html').evaluate(() => `${document.cookie} ${location.search}`);
    expect(said.trim()).toBe('');
  });

  await test.step('what a command writes streams into the chat', async () => {
    const outputs = [await watch(ada.page, '[data-output=live]'), await watch(grace.page, '[data-output=live]')];
    await say(ada.page, '@demo run: for i in 1 2 3 4; do echo "wave $i"; sleep 1; done');
    const done = ada.page.locator('details[data-tool=run_command]').filter({ hasText: 'wave' });
    await done.locator('summary').click(STARTS);
    await expect(done.locator('summary')).toContainText('exit 0', STARTS);
    await expect(ada.page.locator('[data-turn]')).toHaveCount(0, STARTS);
    // Both saw the beginning before the end was there.
    for (const output of outputs) {
      expect((await output()).some((text) => text.includes('wave 1') && !text.includes('wave 4'))).toBe(true);
    }
    // It was opened while it ran, and still is.
    await expect(done.locator('[data-output=done]')).toContainText('wave 4');
  });

  await test.step('the artifact is the page that was kept', async () => {
    const coming = grace.page.waitForEvent('download');
    await grace.page.locator('[data-artifact]').getByRole('button', { name: 'Download' }).click();
    const download = await coming;
    expect(download.suggestedFilename()).toBe('index.html');
    expect(await readFile(await download.path(), 'utf8')).toContain('<title>Tides</title>');
  });

  await test.step('files can be read, and deleted', async () => {
    await tab(ada.page, 'Files').click();
    await panel(ada.page).getByRole('button', { name: /^index\.html/ }).click();
    await expect(panel(ada.page).getByRole('region', { name: 'Code' })).toContainText('<title>Moons</title>');
    await panel(ada.page).getByRole('button', { name: 'Back to the files' }).click();
    await expect(panel(ada.page).getByRole('button', { name: /^index\.html/ })).toBeFocused();
    const readme = panel(ada.page).getByRole('button', { name: /^README\.md/ });
    await readme.hover();
    await panel(ada.page).getByRole('button', { name: 'Delete README.md' }).click();
    await ada.page.getByRole('dialog', { name: 'Delete README.md?' }).getByRole('button', { name: 'Delete', exact: true }).click();
    await expect(readme).toHaveCount(0);
  });

  await test.step('the terminal is the same one after a reload', async () => {
    await tab(ada.page, 'Terminal').click();
    const terminal = panel(ada.page).locator('[data-terminal=open]');
    await expect(terminal).toBeVisible(STARTS);
    await terminal.locator('.xterm-screen').click();
    await ada.page.keyboard.type('tide=$((40+2)); echo "high $tide"\n');
    await expect(terminal.locator('.xterm-rows')).toContainText('high 42');
    await ada.page.reload();
    await live(ada.page);
    await openPanel(ada.page);
    await tab(ada.page, 'Terminal').click();
    await expect(terminal).toBeVisible(STARTS);
    await expect(terminal.locator('.xterm-rows')).toContainText('high 42');
    await terminal.locator('.xterm-screen').click();
    await ada.page.keyboard.type('echo "still $tide"\n');
    await expect(terminal.locator('.xterm-rows')).toContainText('still 42');
  });

  const opened = await test.step('Grace opens the preview in a tab of its own', async () => {
    const link = await panel(grace.page).getByRole('link', { name: 'Open the preview in a tab' }).getAttribute('href');
    const page = await grace.context.newPage();
    await page.goto(link ?? '');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Moons');
    expect(page.url()).not.toContain('slipway_token');
    return page;
  });
  const status = async () => (await opened.goto(opened.url()))?.status() ?? 0;

  await test.step('revoked, every open preview is refused, and can be opened again', async () => {
    expect(await status()).toBe(200);
    await tab(ada.page, 'Overview').click();
    await panel(ada.page).getByRole('button', { name: 'Revoke previews' }).click();
    await ada.page.getByRole('dialog', { name: 'Revoke previews?' }).getByRole('button', { name: 'Revoke previews' }).click();
    await expect.poll(status, CUT).toBeGreaterThanOrEqual(400);
    await expect(panel(grace.page).getByText('Access to the preview has ended')).toBeVisible();
    await expect(grace.page.locator('iframe')).toHaveCount(0);
    await expect(grace.page.locator('[data-sandbox-news=revoked]')).toBeVisible();
    await panel(grace.page).getByRole('button', { name: 'Open it again' }).click();
    await expect(frame(grace.page).getByRole('heading', { level: 1 })).toHaveText('Moons');
    const link = await panel(grace.page).getByRole('link', { name: 'Open the preview in a tab' }).getAttribute('href');
    await opened.goto(link ?? '');
    await expect(opened.getByRole('heading', { level: 1 })).toHaveText('Moons');
  });

  await test.step('stopped, the preview is refused and says so', async () => {
    await panel(ada.page).getByRole('button', { name: 'Stop', exact: true }).click();
    await ada.page.getByRole('dialog', { name: 'Stop the sandbox?' }).getByRole('button', { name: 'Stop', exact: true }).click();
    await expect.poll(status, CUT).toBeGreaterThanOrEqual(400);
    await expect(grace.page.locator('iframe')).toHaveCount(0);
    await expect(panel(grace.page).getByText('No preview while the sandbox does not run')).toBeVisible();
    await expect(grace.page.locator('[data-sandbox-news=stopped]')).toBeVisible();
    await expect(grace.page.locator(`[data-preview-card="${PORT}"]`).getByRole('button', { name: 'Open preview' })).toBeDisabled();
    await expect(panel(ada.page).locator('[data-sandbox-state=stopped]')).toBeVisible();
    await expect(panel(ada.page).getByRole('form', { name: 'Ask for a sandbox' })).toBeVisible();
  });

  await test.step('the usage page shows what it cost', async () => {
    const { page } = ada;
    await expect(async () => {
      await page.goto(`/o/${place.org}/usage`);
      await expect(page.locator('[data-total=Time]')).toHaveText(/[1-9]\d* (s|min)/, { timeout: 5_000 });
    }).toPass(LISTED);
    await expect(page.locator('[data-total=Cost]')).toHaveText(/^\$0\.0*[1-9]/);
    await expect(page.getByRole('row', { name: /Ada/ })).toBeVisible();
    await page.getByText('Agents', { exact: true }).last().click();
    await expect(page.getByRole('row', { name: /Demo/ })).toBeVisible();
    await expect(page.getByRole('meter', { name: 'Time this month' })).toHaveCount(2);
  });

  await test.step('and the artifact stays', async () => {
    await ada.page.getByRole('link', { name: 'Artifacts' }).click();
    await expect(ada.page.getByRole('button', { name: 'Download index.html' })).toBeVisible(LISTED);
  });
});

test('a denial reaches the agent with its reason, and the turn ends', async ({ cast }) => {
  test.setTimeout(120_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Storms', [grace]);
  await enter(ada, place);
  await enter(grace, place);
  await say(ada.page, '@demo make me a web page about storms');
  await openCard(grace.page).getByRole('button', { name: 'Deny…' }).click();
  await grace.page.getByLabel(/Why not\?/).fill('Not before the review');
  await openCard(grace.page).getByRole('button', { name: 'Deny', exact: true }).click();
  for (const { page } of [ada, grace]) {
    await expect(card(page)).toHaveAttribute('data-state', 'denied');
    await expect(card(page)).toContainText('“Not before the review”');
    await expect(message(page, /so I stop here/)).toContainText('Not before the review', STARTS);
    await expect(page.locator('[data-turn]')).toHaveCount(0);
  }
  await expect(card(ada.page)).toContainText('Denied by Grace');
  await expect(card(grace.page)).toContainText('Denied by you');
  await expect(ada.page.locator('details[data-tool=start_sandbox] summary')).toContainText('failed');
});

test('what waits is found in the inbox, and decided by keyboard', async ({ cast }) => {
  test.setTimeout(150_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Currents', [grace]);
  await enter(ada, place);
  const first = await ask(ada, place, 'To measure the current');
  const second = await ask(ada, place, 'To measure it twice');
  const { page } = grace;
  const one = page.locator(`[data-approval="${first.id}"]`);
  const two = page.locator(`[data-approval="${second.id}"]`);

  await expect(async () => {
    await page.goto(`/o/${place.org}/approvals`);
    await expect(page.getByRole('link', { name: /^Approvals/ })).toContainText('2 waiting', { timeout: 5_000 });
  }).toPass(LISTED);
  await expect(two).toContainText('To measure it twice');
  await expect(one).toContainText('in Currents');

  await test.step('j and k move, a asks once more, Enter approves', async () => {
    await page.getByRole('heading', { level: 1, name: 'Approvals' }).click();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    const newest = page.locator('[data-approval]').first();
    await expect(newest).toBeFocused();
    const id = await newest.getAttribute('data-approval');
    await page.keyboard.press('a');
    const dialog = page.getByRole('dialog', { name: 'Approve: Start a sandbox?' });
    await expect(dialog).toContainText('1 CPU, 1 GiB memory, 2 GiB disk');
    await expect(dialog.getByRole('button', { name: 'Approve' })).toBeFocused();
    await page.keyboard.press('Escape');
    await expect(dialog).toHaveCount(0);
    await expect(newest).toHaveAttribute('data-state', 'open');
    await newest.focus();
    await page.keyboard.press('a');
    await expect(dialog.getByRole('button', { name: 'Approve' })).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(page.locator(`[data-approval="${id}"]`)).toHaveAttribute('data-state', 'approved');
    await expect(ada.page.locator(`[data-approval="${id}"]`)).toContainText('Approved by Grace');
  });

  await test.step('d asks why, and the one who asked reads it', async () => {
    const rest = page.locator('[data-approval][data-state=open]').first();
    const id = await rest.getAttribute('data-approval');
    await rest.focus();
    await page.keyboard.press('d');
    await expect(page.getByLabel(/Why not\?/)).toBeFocused();
    await page.keyboard.type('One is enough');
    await page.keyboard.press('Control+Enter');
    await expect(page.locator(`[data-approval="${id}"]`)).toHaveAttribute('data-state', 'denied');
    await expect(ada.page.locator(`[data-approval="${id}"]`)).toContainText('Denied by Grace: “One is enough”');
  });

  await expect(page.getByRole('link', { name: /^Approvals/ })).not.toContainText('waiting', LISTED);
  await stopAll(ada, place);
});

test('the rules of the org decide how many must approve', async ({ cast }) => {
  test.setTimeout(120_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const alan = await cast.person('Alan');
  const place = await aChat(ada, 'Quorum', [grace, alan]);
  await ada.page.goto(`/o/${place.org}/settings`);
  await ada.page.getByLabel('People who must approve').selectOption('2');
  await expect(ada.page.getByText('Saved')).toBeVisible();
  await ada.page.reload();
  await expect(ada.page.getByLabel('People who must approve')).toHaveValue('2');
  await grace.page.goto(`/o/${place.org}/settings`);
  await expect(grace.page.getByText('People who must approve')).toBeVisible();
  await expect(grace.page.getByRole('combobox', { name: 'People who must approve' })).toHaveCount(0);

  await enter(ada, place);
  await enter(grace, place);
  await enter(alan, place);
  await ask(ada, place, 'Two have to agree');
  await expect(openCard(grace.page)).toContainText('2 members of the chat');
  await openCard(grace.page).getByRole('button', { name: 'Approve' }).click();
  await expect(openCard(alan.page)).toContainText('1 of 2 so far');
  await expect(openCard(grace.page)).toContainText('You approved. One more person has to.');
  await expect(openCard(grace.page).getByRole('button', { name: 'Approve' })).toHaveCount(0);
  await openCard(alan.page).getByRole('button', { name: 'Approve' }).click();
  await expect(card(ada.page)).toHaveAttribute('data-state', 'approved');
  await expect(card(ada.page)).toContainText('Approved by Grace and Alan');
  await stopAll(ada, place);
});

/** Everything about a sandbox that there is to see, each screen checked. */
async function allAboutASandbox(ada: Person, grace: Person): Promise<void> {
  const { page } = ada;
  const place = await aChat(grace, 'Looks', [ada]);
  await enter(ada, place);
  await openPanel(page);
  await expect(panel(page).getByRole('form', { name: 'Ask for a sandbox' })).toBeVisible();
  await check(page, 'asking for a sandbox');
  await panel(page).getByLabel('What is it for?').fill('To look at it');
  await panel(page).getByLabel('Hosts it may reach').fill('localhost');
  await panel(page).getByRole('button', { name: 'Ask for it' }).click();
  await expect(panel(page).getByText('is no host name')).toBeVisible();
  await panel(page).getByLabel('Hosts it may reach').fill('https://registry.npmjs.org/ *.example.com');
  await expect(panel(page).getByText('2 hosts.')).toBeVisible();
  await panel(page).getByRole('button', { name: 'Ask for it' }).click();
  await expect(page.getByText('Asked. The card is in the chat.')).toBeVisible();
  await panel(page).getByRole('button', { name: 'Close' }).click();
  await expect(openCard(page)).toContainText('registry.npmjs.org');
  await expect(openCard(page)).toContainText('*.example.com');
  await check(page, 'an open approval');
  await openCard(page).getByRole('button', { name: 'Deny…' }).click();
  await check(page, 'an approval that is being denied');
  await openCard(page).getByRole('button', { name: 'Back' }).click();
  await page.goto(`/o/${place.org}/approvals`);
  await expect(openCard(page)).toBeVisible(LISTED);
  await check(page, 'inbox');

  const id = await openCard(page).getAttribute('data-approval');
  await decide(grace, place, id ?? '', 'approve');
  await enter(ada, place);
  await expect(page.locator('[data-sandbox-news=ready]')).toBeVisible(STARTS);
  await check(page, 'an approval that was carried out');
  await say(page, '@demo make me a web page about looks');
  await expect(page.locator('[data-artifact]')).toBeVisible(STARTS);
  await expect(page.locator('[data-turn]')).toHaveCount(0, STARTS);
  await check(page, 'preview and artifact in the chat');
  await openPanel(page);
  await expect(panel(page).getByRole('meter', { name: 'Memory' })).toBeVisible(STARTS);
  await panel(page).getByRole('button', { name: 'Save the files now' }).click();
  await expect(panel(page).getByText('Saved by hand')).toBeVisible(STARTS);
  await check(page, 'sandbox: overview');
  await panel(page).getByRole('button', { name: 'Open preview' }).first().click();
  await expect(frame(page).getByRole('heading', { level: 1 })).toBeVisible(STARTS);
  await expect(panel(page).getByText('Loading the preview')).toHaveCount(0);
  await check(page, 'sandbox: preview');
  await panel(page).getByRole('button', { name: /^Console/ }).click();
  await expect(panel(page).getByText('No errors or warnings.')).toBeVisible();
  await check(page, 'sandbox: the console of a preview');
  await tab(page, 'Files').click();
  await panel(page).getByRole('button', { name: /^index\.html/ }).click();
  await expect(panel(page).getByRole('region', { name: 'Code' })).toBeVisible();
  await check(page, 'sandbox: a file');
  await tab(page, 'Terminal').click();
  await expect(panel(page).locator('[data-terminal=open]')).toBeVisible(STARTS);
  await check(page, 'sandbox: terminal');
  await tab(page, 'Overview').click();
  await panel(page).getByRole('button', { name: 'Close' }).click();

  for (const [path, sign] of [
    ['artifacts', 'index.html'],
    ['usage', 'Limits'],
  ] as const) {
    await page.goto(`/o/${place.org}/${path}`);
    await expect(page.getByText(sign).first()).toBeVisible(LISTED);
    await check(page, path);
  }
  await stopAll(grace, place);
}

for (const [name, options] of Object.entries({
  light: { colorScheme: 'light' as const },
  dark: { colorScheme: 'dark' as const },
  'at a width of 320 pixels': { viewport: { width: 320, height: 640 } },
})) {
  test(`everything about a sandbox is accessible: ${name}`, async ({ cast }) => {
    test.setTimeout(240_000);
    await allAboutASandbox(await cast.person('Ada', options), await cast.person('Grace'));
  });
}
