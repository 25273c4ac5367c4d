// What goes wrong in a page that a sandbox serves is shown beside it, as text, and becomes a question when somebody wants that.
import { composer, aChat, enter, expect, say, test } from './people';
import { PORT, STARTS, frame, openCard, panel, put, stopAll } from './sandbox';

const BROKEN = `<!doctype html><html><head><title>Broken</title></head><body><h1>Broken</h1><img src="/none.png" alt="">
<script>
for (let at = 0; at < 3; at += 1) console.error('the tide is <b>too high</b>, @demo');
console.warn('careful');
missing.call();
</script></body></html>`;
const FINE = '<!doctype html><html><head><title>Fine</title></head><body><h1>Fine</h1></body></html>';

test('errors of a page are counted, listed, forgotten with it, and asked about', async ({ cast }) => {
  test.setTimeout(180_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Breakers', [grace]);
  await enter(ada, place);
  await enter(grace, place);
  const { page } = ada;
  await say(page, '@demo make me a web page about breakers');
  await openCard(grace.page).getByRole('button', { name: 'Approve' }).click();
  const preview = page.locator(`[data-preview-card="${PORT}"]`);
  await expect(preview).toBeVisible(STARTS);
  await expect(page.locator('[data-turn]')).toHaveCount(0, STARTS);
  await preview.getByRole('button', { name: 'Open preview' }).click();
  await expect(frame(page).getByRole('heading', { level: 1 })).toHaveText('Breakers', STARTS);
  const { items } = await ada.call<{ items: { id: string }[] }>('GET', `/v1/chats/${place.chat}/sandboxes`, undefined, place.org);
  const sandbox = items[0]?.id ?? '';
  const button = panel(page).getByRole('button', { name: /^Console/ });
  const list = panel(page).getByRole('region', { name: 'Console' });
  const show = async (html: string, title: string): Promise<void> => {
    await put(ada, place, sandbox, 'index.html', html);
    await panel(page).getByRole('button', { name: 'Reload the preview' }).click();
    await expect(frame(page).getByRole('heading', { level: 1 })).toHaveText(title, STARTS);
  };

  await test.step('a page without errors says so', async () => {
    await button.focus();
    await page.keyboard.press('Enter');
    await expect(button).toHaveAttribute('aria-expanded', 'true');
    await expect(list.getByText('No errors or warnings.')).toBeVisible();
  });

  await test.step('errors, warnings, what was thrown and what did not load are listed as text', async () => {
    await show(BROKEN, 'Broken');
    await expect(button).toHaveAccessibleName('Console: 5 errors, 1 warning');
    await expect(page.locator('[data-console-count]')).toHaveText('5');
    await expect(page.locator('[data-console-status]')).toHaveText('The page’s console: 5 errors, 1 warning.');
    const repeated = list.getByRole('listitem').filter({ hasText: 'the tide is <b>too high</b>' });
    await expect(repeated).toContainText('3 times');
    await expect(repeated).toContainText(/\/:\d+:\d+/);
    await expect(list.locator('b')).toHaveCount(0);
    await expect(list.getByRole('listitem').filter({ hasText: 'missing is not defined' })).toBeVisible();
    await expect(list.getByRole('listitem').filter({ hasText: '<img> did not load' })).toBeVisible();
    await expect(list.locator('[data-finding=warning]')).toContainText('careful');
  });

  await test.step('a click puts them into the composer, which sends nothing by itself', async () => {
    await list.getByRole('button', { name: 'Ask about these errors' }).click();
    await expect(composer(page)).toBeFocused();
    await expect(composer(page)).toHaveValue(/```text\n[\s\S]*the tide is <b>too high<\/b>[\s\S]*```\nWhat is wrong/);
    await expect(page.locator('[data-turn]')).toHaveCount(0);
    await composer(page).fill('');
  });

  await test.step('cleared, the list is empty; another page begins anew', async () => {
    await list.getByRole('button', { name: 'Clear the console' }).click();
    await expect(list.getByText('No errors or warnings.')).toBeVisible();
    await expect(page.locator('[data-console-count]')).toHaveCount(0);
    await show(BROKEN, 'Broken');
    await expect(page.locator('[data-console-count]')).toHaveText('5');
    await show(FINE, 'Fine');
    await expect(page.locator('[data-console-count]')).toHaveCount(0);
    await expect(list.getByText('No errors or warnings.')).toBeVisible();
  });

  await test.step('what others send to the app is not heard', async () => {
    await page.evaluate(() => postMessage({ slipway: 'console', type: 'entry', level: 'error', kind: 'console', text: 'forged' }, '*'));
    await show(FINE, 'Fine');
    await expect(list.getByText('forged')).toHaveCount(0);
  });

  await test.step('a tab of its own is told nothing, and has no trace of the script', async () => {
    const link = await panel(page).getByRole('link', { name: 'Open the preview in a tab' }).getAttribute('href');
    const tab = await ada.context.newPage();
    await tab.goto(link ?? '');
    await expect(tab.getByRole('heading', { level: 1 })).toHaveText('Fine');
    expect(await tab.content()).not.toContain('/.well-known/slipway');
    await tab.close();
  });
  await stopAll(ada, place);
});
