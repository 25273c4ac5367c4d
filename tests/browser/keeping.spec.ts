// What outlives a sandbox's day: its files as snapshots; and what an org lets it use. Also how it goes for good.
import { aChat, enter, expect, test } from './people';
import { STARTS, openPanel, panel, put, start, stopAll, tab } from './sandbox';

test('files are saved, restored and deleted with their sandbox', async ({ cast }) => {
  test.setTimeout(180_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Moorings', [grace]);
  await enter(ada, place);
  const { page } = ada;
  const sandbox = await start(ada, grace, place);
  await put(ada, place, sandbox, 'log.txt', 'as it was');
  await openPanel(page);
  const kept = panel(page).getByRole('region', { name: 'Snapshots' });
  const rows = kept.getByRole('listitem');

  await test.step('saved by hand', async () => {
    await expect(kept.getByText('None yet.')).toBeVisible(STARTS);
    await kept.getByRole('button', { name: 'Save the files now' }).click();
    await expect(rows).toHaveCount(1, STARTS);
    await expect(rows.first()).toContainText('Saved by hand');
    await expect(rows.first()).toContainText(/now · [\d.]+ (bytes|KiB) · by you/);
  });

  await test.step('restored, after it is said what is replaced', async () => {
    await put(ada, place, sandbox, 'log.txt', 'as it became');
    await rows.first().getByRole('button', { name: /^Restore/ }).click();
    const dialog = page.getByRole('dialog', { name: 'Restore these files?' });
    await expect(dialog).toContainText('The whole workspace becomes what it was');
    await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
    await dialog.getByRole('button', { name: 'Restore' }).click();
    await expect(page.getByText('Restored')).toBeVisible(STARTS);
    await tab(page, 'Files').click();
    await panel(page).getByRole('button', { name: /^log\.txt/ }).click();
    await expect(panel(page).getByRole('region', { name: 'Code' })).toContainText('as it was');
    await tab(page, 'Overview').click();
  });

  await test.step('a snapshot outlives a stop, until it is deleted', async () => {
    await stopAll(ada, place);
    await expect(panel(page).locator('[data-sandbox-state=stopped]')).toBeVisible();
    await expect(rows.first().getByRole('button', { name: /^Restore/ })).toBeDisabled();
    await rows.first().getByRole('button', { name: /^Delete the snapshot/ }).click();
    await page.getByRole('dialog', { name: 'Delete this snapshot?' }).getByRole('button', { name: 'Delete snapshot' }).click();
    await expect(rows).toHaveCount(0);
  });

  await test.step('deleted, after it is said what goes and what stays', async () => {
    await panel(page).getByRole('button', { name: 'Delete sandbox' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete the sandbox?' });
    await expect(dialog).toContainText('Its files and its snapshots are deleted.');
    await expect(dialog).toContainText('usage page');
    await dialog.getByRole('button', { name: 'Delete sandbox' }).click();
    await expect(panel(page).locator('[data-sandbox-state=destroyed]')).toBeVisible(STARTS);
    await expect(panel(page).getByRole('button', { name: 'Delete sandbox' })).toHaveCount(0);
    await expect(kept).toHaveCount(0);
  });
});

test('an admin sets limits in hours and GiB, and takes them back', async ({ cast }) => {
  test.setTimeout(90_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place = await aChat(ada, 'Locks', [grace]);
  const { page } = ada;
  await page.goto(`/o/${place.org}/usage`);
  const limits = page.getByRole('region', { name: 'Set limits' });
  const everybody = limits.locator('[data-holder=member]');
  const dialog = page.getByRole('dialog');
  const before = (await everybody.locator('[data-limit=seconds]').textContent()) ?? '';

  await test.step('of every member', async () => {
    await everybody.getByRole('button', { name: 'Change the limits of Every member' }).click();
    await dialog.getByLabel('Running at once').fill('1.5');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await expect(dialog.getByText('A whole number from 0 to 1,000.')).toBeVisible();
    await expect(dialog.getByLabel('Running at once')).toHaveAttribute('aria-invalid', 'true');
    await dialog.getByLabel('Running at once').fill('2');
    await dialog.getByLabel('Hours a month').fill('1.5');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await expect(dialog).toHaveCount(0);
    await expect(everybody.locator('[data-limit=running]')).toHaveText('2');
    await expect(everybody.locator('[data-limit=seconds]')).toHaveText('1.5');
    await expect(page.getByText('0 s of 1.5 hours')).toBeVisible();
  });

  await test.step('of one person', async () => {
    await limits.getByRole('button', { name: 'Limit one person' }).click();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await expect(dialog.getByText('Choose somebody.')).toBeVisible();
    await dialog.getByLabel('Who').selectOption({ label: 'Grace' });
    await dialog.getByLabel('GiB sent outside a month').fill('0.5');
    await dialog.getByRole('button', { name: 'Save' }).click();
    const one = limits.locator('li').filter({ hasText: 'Grace' });
    await expect(one.locator('[data-limit=egress_bytes]')).toHaveText('0.5');
    await expect(one.locator('[data-limit=running]')).toContainText('2');
    await grace.page.goto(`/o/${place.org}/usage`);
    await expect(grace.page.getByText('0 bytes of 512 MiB')).toBeVisible();
    await expect(grace.page.getByRole('region', { name: 'Set limits' })).toHaveCount(0);
  });

  await test.step('and taken back', async () => {
    await limits.getByRole('button', { name: 'Change the limits of Grace' }).click();
    await dialog.getByRole('button', { name: 'Take back' }).click();
    await expect(limits.locator('li').filter({ hasText: 'Grace' })).toHaveCount(0);
    await everybody.getByRole('button', { name: 'Change the limits of Every member' }).click();
    await dialog.getByRole('button', { name: 'Take back' }).click();
    await expect(everybody.locator('[data-limit=seconds]')).toHaveText(before);
  });
});
