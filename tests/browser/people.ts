// People in a running stack: each with a browser of their own, signed up over the API unless a test does that by hand.
import { randomUUID } from 'node:crypto';

import { type Browser, type BrowserContext, type BrowserContextOptions, type Page, type Route, test as base, expect } from '@playwright/test';

export interface Person {
  context: BrowserContext;
  page: Page;
  name: string;
  email: string;
  /** The id in the API; empty until signed up. */
  id: string;
  /** Calls the API as this person. */
  call<T>(method: string, path: string, body?: unknown, org?: string): Promise<T>;
}

export const PASSWORD = 'correct horse battery staple';

export interface Cast {
  /** A browser with nobody signed in. */
  visitor(name: string, options?: BrowserContextOptions): Promise<Person>;
  /** A person with an account, signed in. */
  person(name: string, options?: BrowserContextOptions): Promise<Person>;
}

/** Gives a test its people; fails it when a page broke the content security policy or threw. */
export const test = base.extend<{ cast: Cast }>({
  cast: async ({ browser, baseURL }, use) => {
    const faults: string[] = [];
    const contexts: BrowserContext[] = [];
    const visitor = async (name: string, options?: BrowserContextOptions) => {
      const person = await meet(browser, baseURL ?? '', name, faults, options);
      contexts.push(person.context);
      return person;
    };
    await use({
      visitor,
      person: async (name, options) => {
        const person = await visitor(name, options);
        const session = await person.call<{ access_token: string; user: { id: string } }>('POST', '/v1/auth/signup', {
          email: person.email,
          password: PASSWORD,
          display_name: name,
        });
        person.id = session.user.id;
        tokens.set(person.email, session.access_token);
        return person;
      },
    });
    for (const context of contexts) await context.close();
    expect(faults).toEqual([]);
  },
});

export { expect };

/** An address of a preview: port and sandbox. */
const PREVIEW = /\/\/\d+-[0-9a-f]{32}\./;

const tokens = new Map<string, string>();

async function meet(
  browser: Browser,
  app: string,
  name: string,
  faults: string[],
  options: BrowserContextOptions = {},
): Promise<Person> {
  const context = await browser.newContext({ baseURL: app, permissions: ['clipboard-read', 'clipboard-write'], ...options });
  context.on('weberror', (error) => {
    const told = error.error().stack ?? error.error().message;
    // What runs in a sandbox may break as it likes.
    if (!PREVIEW.test(told)) faults.push(`${name}: ${told}`);
  });
  context.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) faults.push(`${name}: ${message.text().slice(0, 300)}`);
  });
  const page = await context.newPage();
  const email = `${name.toLowerCase().replace(/\W+/g, '.')}.${randomUUID().slice(0, 8)}@example.com`;
  return {
    context,
    page,
    name,
    email,
    id: '',
    call: async <T>(method: string, path: string, body?: unknown, org?: string) => {
      const token = tokens.get(email);
      const answer = await context.request.fetch(path, {
        method,
        headers: {
          origin: app,
          ...(token ? { authorization: `Bearer ${token}` } : {}),
          ...(org ? { 'x-org-id': org } : {}),
        },
        ...(body === undefined ? {} : { data: body }),
      });
      const text = await answer.text();
      if (!answer.ok()) throw new Error(`${method} ${path}: ${answer.status()} ${text}`);
      return (text === '' ? undefined : JSON.parse(text)) as T;
    },
  };
}

export interface Place {
  org: string;
  channel: string;
  chat: string;
  path: string;
}

/** An org with a channel and a chat in it, made by `person`; `others` are members and take part. */
export async function aChat(person: Person, title: string, others: Person[] = []): Promise<Place> {
  const org = (await person.call<{ id: string }>('POST', '/v1/orgs', { name: 'Northwind' })).id;
  const channel = (
    await person.call<{ id: string }>(
      'POST',
      `/v1/orgs/${org}/channels`,
      { name: 'engineering', visibility: 'public', topic: 'Building the thing' },
      org,
    )
  ).id;
  const chat = (await person.call<{ id: string }>('POST', `/v1/orgs/${org}/channels/${channel}/chats`, { title }, org)).id;
  for (const other of others) {
    const { token } = await person.call<{ token: string }>(
      'POST',
      `/v1/orgs/${org}/invitations`,
      { email: other.email, role: 'member' },
      org,
    );
    await other.call('POST', `/v1/invitations/${token}/accept`);
    await person.call('POST', `/v1/chats/${chat}/participants`, { user: other.id }, org);
  }
  return { org, channel, chat, path: `/o/${org}/c/${channel}/${chat}` };
}

/** Posts messages over the API, one after the other. */
export async function post(person: Person, place: Place, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    await person.call('POST', `/v1/chats/${place.chat}/messages`, { client_id: randomUUID(), text }, place.org);
  }
}

export const composer = (page: Page) => page.getByRole('textbox', { name: 'Message', exact: true });

/** The messages that have `text`. */
export const message = (page: Page, text: string | RegExp) => page.getByRole('log').getByRole('article').filter({ hasText: text });

/** Opens a chat and waits until it is live. */
export async function enter(person: Person, place: Place): Promise<void> {
  await person.page.goto(place.path);
  await live(person.page);
}

/** Answers a call with a problem, in the server's place. */
export const refuse = (code: string, status: number) => (route: Route) =>
  route.fulfill({
    status,
    contentType: 'application/problem+json',
    body: JSON.stringify({ type: 'about:blank', title: code, status, code }),
  });

/** The connection stands: the header shows no sign of connecting, and no banner is up. */
export async function live(page: Page): Promise<void> {
  await expect(composer(page)).toBeVisible();
  await expect(page.locator('main[data-connection=live]')).toBeVisible();
}

/** Writes and sends. */
export async function say(page: Page, text: string): Promise<void> {
  await composer(page).fill(text);
  await composer(page).press('Enter');
  await expect(composer(page)).toHaveValue('');
}
