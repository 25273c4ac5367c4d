// A chat that is archived and opened again by somebody else: the same page, to the pixel.
import { randomUUID } from 'node:crypto';

import type { Page } from '@playwright/test';

import { check } from './checks';
import { type Place, aChat, composer, enter, expect, live, message, post, say, test } from './people';

/** Archiving waits until the index was told all and every socket is gone. */
const ARCHIVED = { timeout: 60_000, intervals: [500] };

interface Sent {
  message: string;
}

/** The chat as it stands: nothing is hovered, focused or moving. */
async function picture(page: Page): Promise<Buffer> {
  await expect(composer(page)).toBeVisible();
  await page.mouse.move(0, 0);
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.evaluate(() => document.fonts.ready);
  return page.getByRole('log', { name: 'Messages', exact: true }).screenshot({ animations: 'disabled', caret: 'hide' });
}

test('an archived chat opens for somebody else as it was, to the pixel', async ({ cast }) => {
  test.setTimeout(180_000);
  const ada = await cast.person('Ada');
  const grace = await cast.person('Grace');
  const place: Place = await aChat(ada, 'Harbour', [grace]);
  const send = (text: string, more: object = {}) =>
    ada.call<Sent>('POST', `/v1/chats/${place.chat}/messages`, { client_id: randomUUID(), text, ...more }, place.org);

  const first = await send('Which **port** do we take?\n\n- 8080\n- 9090');
  const reply = await send('The `second` one.', { reply_to: first.message });
  await ada.call('PUT', `/v1/chats/${place.chat}/messages/${reply.message}/reactions/${encodeURIComponent('👍')}`, undefined, place.org);
  await ada.call('PATCH', `/v1/chats/${place.chat}/messages/${first.message}`, { text: 'Which **port** do we take now?\n\n- 8080\n- 9090' }, place.org);
  const gone = await send('This goes.');
  await ada.call('DELETE', `/v1/chats/${place.chat}/messages/${gone.message}`, undefined, place.org);
  await ada.call('PUT', `/v1/chats/${place.chat}/messages/${reply.message}/pin`, undefined, place.org);
  const fork = await ada.call<{ id: string }>(
    'POST',
    `/v1/chats/${place.chat}/forks`,
    { message: first.message, description: 'Choose the port', client_id: randomUUID() },
    place.org,
  );
  const aside = await send('9090 is free everywhere.', { fork: fork.id });
  await ada.call('POST', `/v1/chats/${place.chat}/forks/${fork.id}/accept`, { summary: 'We take 9090 [1].', evidence: [aside.message] }, place.org);

  // Everything is read, so that no mark of what is new differs.
  for (const person of [ada, grace]) {
    await enter(person, place);
    await expect(message(person.page, 'We take 9090').first()).toBeVisible();
  }
  const before = new Map<string, Buffer>();
  for (const { page, name } of [ada, grace]) {
    await page.reload();
    await live(page);
    before.set(name, await picture(page));
  }
  for (const { page } of [ada, grace]) await page.goto(`/o/${place.org}/search`);

  // Once more is harmless, and says how far it is.
  await expect
    .poll(async () => {
      try {
        return (await ada.call<{ state: string }>('POST', `/v1/chats/${place.chat}/archive`, undefined, place.org)).state;
      } catch (refused) {
        return String(refused);
      }
    }, ARCHIVED)
    .toBe('archived');
  await ada.page.goto(`/o/${place.org}/c/${place.channel}`);
  await expect(ada.page.getByRole('link', { name: /Harbour/ })).toContainText('Archived');
  await check(ada.page, 'a list with an archived chat');

  // Grace brings it back; both see what they saw.
  for (const person of [grace, ada]) {
    await enter(person, place);
    await expect(message(person.page, 'We take 9090').first()).toBeVisible();
    const after = await picture(person.page);
    expect(after.equals(before.get(person.name)!), `what ${person.name} sees`).toBe(true);
  }
  await say(grace.page, 'and on it goes');
  await expect(message(ada.page, 'and on it goes').first()).toBeVisible();
});
