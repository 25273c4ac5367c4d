// What the parts of the panel say, as text: drawn by the server's renderer, which needs no browser.
import type { Component } from 'svelte';
import { render } from 'svelte/server';
import { describe, expect, it, vi } from 'vitest';

import type { Actor, Event, Receipt } from '#lib/api/events.ts';
import type { ContextItem } from '#lib/api/resources.ts';
import { ChatLog, type Turn } from '#lib/chat/log.ts';
import { type ChatActions, provideActions, provideRoom, provideWholeRoom } from '#lib/chat/ui/context.ts';
import { type Workspace, provideWorkspace } from '#lib/org/workspace.svelte.ts';

import { Excerpts } from '../excerpts.svelte.ts';
import { blank, formOf } from '../form.ts';
import { ContextItems } from '../items.svelte.ts';
import ItemCard from './ItemCard.svelte';
import ItemForm from './ItemForm.svelte';
import PinList from './PinList.svelte';
import Proposals from './Proposals.svelte';
import ReceiptButton from './ReceiptButton.svelte';
import ReceiptParts from './ReceiptParts.svelte';
import SummaryLine from './SummaryLine.svelte';

// It asks the browser what people prefer.
vi.mock('#lib/appearance.svelte.ts', () => ({ appearance: {} }));

const CHAT = '0'.repeat(32);
const msg = (seq: number, chat = CHAT): string => `msg_${chat}${seq.toString(16).padStart(8, '0')}`;
const ADA: Actor = { kind: 'user', id: 'user_ada' };
const NAMES: Record<string, string> = { agent_demo: 'Demo', user_ada: 'Ada', user_grace: 'Grace' };

const ITEM: ContextItem = {
  id: 'ctx_1',
  org: 'org_1',
  scope: 'chat',
  chat: `chat_${CHAT}`,
  state: 'active',
  title: 'Deploy <b>days</b>',
  text: 'On **Tuesdays**.',
  tags: ['release'],
  created_by: ADA,
  created_at: '2026-11-20T08:00:00Z',
  version: 1,
};

function aLog(...events: object[]): ChatLog {
  const log = new ChatLog();
  log.append(events.map((event, index) => ({ seq: index + 1, at: '2026-11-20T08:00:00Z', actor: ADA, ...event })) as Event[]);
  return log;
}

/** Draws `part` as it stands in a chat whose user is Grace, with `role` in the org. */
function draw<P extends Record<string, unknown>>(part: Component<P>, props: P, { role = 'member', log = new ChatLog() } = {}): string {
  const room = { me: 'user_grace', version: 0, log, nameOf: (key: string) => NAMES[key] ?? key };
  const RANK = ['guest', 'member', 'admin', 'owner'];
  const stage = (...given: Parameters<typeof part>): void => {
    provideRoom(() => room as never);
    provideWholeRoom(() => room as never);
    provideActions({} as ChatActions);
    provideWorkspace(() => ({ id: 'org_1', may: (wanted: string) => RANK.indexOf(role) >= RANK.indexOf(wanted) }) as unknown as Workspace);
    part(...given);
  };
  return render(stage as unknown as Component<P>, { props, context: new Map() } as never).body;
}

const text = (html: string): string =>
  html
    .replace(/<!--.*?-->/gs, '')
    .replace(/<(?:[^>"]|"[^"]*")+>/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&nbsp;', ' ')
    .replace(/\s+/g, ' ')
    .trim();

describe('an item', () => {
  const card = (change: Partial<ContextItem> = {}, role = 'member') =>
    draw(ItemCard, { item: { ...ITEM, ...change }, chat: `chat_${CHAT}`, by: 'Ada' }, { role });

  it('says what it is, where it counts, what it is about, and who wrote it', () => {
    const said = text(card());
    for (const part of ['Deploy <b>days</b>', 'This chat', 'On Tuesdays', 'release', 'by Ada']) expect(said).toContain(part);
    expect(card()).toContain('aria-label="Delete “Deploy');
  });

  it('of the org is changed by admins alone, one of a channel not by guests', () => {
    expect(card({ scope: 'org' })).not.toContain('aria-label="Delete');
    expect(card({ scope: 'org' }, 'admin')).toContain('aria-label="Delete');
    expect(card({ scope: 'channel' }, 'guest')).not.toContain('aria-label="Delete');
  });

  it('says until when it counts, and that it counts no more', () => {
    expect(text(card({ expires_at: '2999-12-24T12:00:00Z' }))).toMatch(/until .*2999/);
    expect(text(card({ expires_at: '2020-12-24T12:00:00Z' }))).toMatch(/Expired.*was given until .*2020/);
  });

  it('leads to its message, here or in another chat that it tells the way to', () => {
    const other = '1'.repeat(32);
    expect(text(card({ source: msg(3) }))).toContain('From this message');
    expect(card({ source: msg(3, other), scope: 'channel', channel: 'chan_1' })).toContain(`href="/o/org_1/c/chan_1/chat_${other}?m=${msg(3, other)}"`);
    const nowhere = card({ source: msg(3, other), scope: 'org' });
    expect(text(nowhere)).toContain('From a message of another chat');
    expect(nowhere).not.toContain('href=');
  });
});

describe('what is written', () => {
  const items = (): ContextItems => new ContextItems({} as never);

  it('can count for the chat, for the channel by members, for the org by admins', () => {
    const scopes = (role: string): string => {
      const list = items();
      list.writing = { item: null, form: blank('chat'), clientId: 'c1' };
      return text(draw(ItemForm, { chat: 'chat_1', channel: 'chan_1', items: list, ondone: () => undefined }, { role }));
    };
    expect(scopes('guest')).toMatch(/This chat (?!Channel)/);
    expect(scopes('member')).toContain('This chat Channel Given');
    expect(scopes('admin')).toContain('This chat Channel Org');
  });

  it('keeps its scope when it is changed', () => {
    const list = items();
    list.writing = { item: ITEM, form: formOf(ITEM), clientId: 'c1' };
    const html = draw(ItemForm, { chat: 'chat_1', channel: 'chan_1', items: list, ondone: () => undefined });
    expect(text(html)).toContain('This chat. Given to agents in this chat.');
    expect(html).not.toContain('type="radio"');
  });
});

describe('proposals', () => {
  it('are shown with both answers, and one that was dismissed with a way back', async () => {
    const list = new ContextItems({
      list: async () => ({ items: [{ ...ITEM, state: 'proposed' }, { ...ITEM, id: 'ctx_2', title: 'Second', state: 'proposed' }] }),
      after: () => () => undefined,
    } as never);
    const props = { chat: `chat_${CHAT}`, items: list, by: () => 'Demo', onerror: () => undefined, onaccepted: () => undefined };
    expect(text(draw(Proposals, props))).toBe('');
    await list.look();
    list.dismiss(list.proposed[1]!);
    const said = text(draw(Proposals, props));
    expect(said).toContain('Proposed by agents 1');
    expect(said).toContain('Accept Dismiss');
    expect(said).toContain('Dismissed: Second Undo');
  });
});

describe('pinned messages', () => {
  const draws = (log: ChatLog): string =>
    text(draw(PinList, { excerpts: new Excerpts(() => ({ log, version: 0 }), async () => undefined) }, { log }));

  it('say what pinning does while there are none', () => {
    expect(draws(aLog())).toContain('None. Pin a message');
  });

  it('are shown with who wrote and who pinned them, also those whose text is on its way', () => {
    const log = aLog({ type: 'message.posted', message: msg(1), text: 'The port is **9090**' }, { type: 'message.pinned', message: msg(1) });
    expect(draws(log)).toMatch(/Pinned messages 1 Ada .* The port is 9090 pinned by Ada/);
    log.pins.take([{ message: msg(900), by: { kind: 'user', id: 'user_grace' }, at: '2026-11-20T08:00:00Z' }], 1_000);
    expect(draws(log)).toContain('Loading a message pinned by you');
  });
});

it('a summary in the chat is one line', () => {
  const turn = { id: 't1', agent: 'agent_demo', state: 'completed', attempt: 1, tools: [], summarised: { from: 1, to: 9, text: 'So far', stale: false } } as Turn;
  expect(text(draw(SummaryLine, { turn }))).toBe('Demo brought the summary of this chat up to date');
  expect(text(draw(SummaryLine, { turn: { ...turn, summarised: { ...turn.summarised!, stale: true } } }))).toContain('changed since');
});

it('a receipt is told in one small button, and says where it is only estimated', () => {
  const receipt: Receipt = { budget: 8_000, tokens: 1_240, parts: [] };
  expect(text(draw(ReceiptButton, { receipt, name: 'Demo' }))).toBe('1.2k of 8k');
  expect(draw(ReceiptButton, { receipt: { ...receipt, estimated: true }, name: 'Demo' })).toContain('aria-label="What Demo was given: ~1.2k of 8k tokens"');
});

describe('the parts of a receipt', () => {
  const parts: Receipt['parts'] = [
    { kind: 'instructions', tokens: 100 },
    { kind: 'summary', tokens: 60, from: 1, to: 9 },
    { kind: 'pin', tokens: 40, message: msg(1) },
    { kind: 'item', tokens: 200, item: 'ctx_1', title: 'Deploy days' },
    { kind: 'file', tokens: 30, attachment: 'att_1', title: 'plan.txt' },
    { kind: 'file', tokens: 20, attachment: 'att_2', title: 'gone.txt' },
    { kind: 'message', tokens: 50, message: msg(2) },
    { kind: 'message', tokens: 10, message: msg(700) },
    { kind: 'steps', tokens: 5 },
  ];
  const log = aLog(
    { type: 'message.posted', message: msg(1), text: 'The port is 9090' },
    { type: 'message.posted', message: msg(2), text: 'Look', attachments: [{ id: 'att_1', name: 'plan.txt' }] },
  );
  const draws = (change: Partial<Receipt> = {}): string =>
    draw(ReceiptParts, { receipt: { budget: 8_000, tokens: 515, parts, ...change }, name: 'Demo', id: 'title', ongo: () => undefined }, { log });

  it('are named, counted and led to as far as there is something to go to', () => {
    const html = draws();
    const said = text(html);
    for (const part of ['515 of 8k tokens', 'Instructions and tools 100', 'Ada: The port is 9090 40', 'Deploy days 200', '2 recent messages 60', 'An earlier message 10', 'What its tools answered 5']) {
      expect(said).toContain(part);
    }
    const led = [...html.matchAll(/<button[^>]*>(.*?)<\/button>/gs)].map(([, label]) => text(label ?? ''));
    expect(led).toEqual(['The summary', 'Ada: The port is 9090', 'Deploy days', 'plan.txt', 'Ada: Look', 'An earlier message']);
    expect(said).not.toContain('did not fit');
  });

  it('say what is estimated, and what was left out', () => {
    const said = text(draws({ estimated: true, left_out: 3 }));
    expect(said).toContain('~515 of 8k tokens, estimated from the length');
    expect(said).toContain('3 more parts did not fit.');
  });
});
