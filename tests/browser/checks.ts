// What every screen must be: accessible by axe's rules, and no wider than the window.
import AxeBuilder from '@axe-core/playwright';
import { type Page, expect } from '@playwright/test';

export async function check(page: Page, screen: string) {
  // Colours are judged when nothing fades in any more.
  await page.evaluate(() => Promise.allSettled(document.getAnimations().filter((one) => one.effect?.getComputedTiming().iterations !== Infinity).map((one) => one.finished)));
  const { violations } = await new AxeBuilder({ page }).analyze();
  const findings = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${screen}: ${id}: ${nodes.map((node) => `${node.target.join(' ')} ${node.failureSummary ?? ''}`).join('; ')}`);
  expect(findings).toEqual([]);
  const { inner, scroll } = await page.evaluate(() => ({ inner: innerWidth, scroll: document.documentElement.scrollWidth }));
  expect(scroll, `${screen} is wider than the window`).toBeLessThanOrEqual(inner);
}
