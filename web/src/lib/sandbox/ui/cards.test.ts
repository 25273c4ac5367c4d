// What the cards say, as text: drawn by the server's renderer, which needs no browser.
import { render } from 'svelte/server';
import { describe, expect, it } from 'vitest';

import type { Question } from '#lib/chat/approvals.ts';

import ApprovalCard from './ApprovalCard.svelte';
import Meter from './Meter.svelte';
import Output from './Output.svelte';
import { bytes } from '../words.ts';

const NAMES: Record<string, string> = { agent_demo: 'Demo', user_ada: 'Ada', user_grace: 'Grace' };

const QUESTION: Question = {
  id: 'a1',
  at: '2026-11-20T08:00:00Z',
  askedBy: { kind: 'agent', id: 'agent_demo' },
  user: 'user_ada',
  ask: {
    action: { kind: 'start_sandbox', size: 'medium', hosts: ['registry.npmjs.org', '*.example.com'], template: 'vite-app' },
    risk: 'high',
    reason: 'To build <b>it</b>',
    cost: { micro_usd_per_hour: 180_000, seconds_left: 118_800 },
    quorum: 2,
    self_approval: 'never',
    life_s: 86_400,
  },
  state: 'open',
  expiresAt: new Date(Date.now() + 5 * 3_600_000 - 60_000).toISOString(),
  answers: [],
};

function card(change: Partial<Question>, me = 'user_grace', more: object = {}): string {
  const { body } = render(ApprovalCard, {
    props: {
      org: 'org_1',
      question: { ...QUESTION, ...change },
      judge: { me, guest: false, others: true },
      nameOf: (key: string) => NAMES[key] ?? key,
      ...more,
    },
  });
  return text(body);
}

const text = (html: string): string =>
  html
    .replace(/<!--.*?-->/gs, '')
    .replace(/<[^>]+>/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&nbsp;', ' ')
    .replace(/\s+/g, ' ')
    .replace(/ ([,.:”])/g, '$1')
    .trim();

describe('an approval card', () => {
  it('says what, for whom, how much, how long, and who may answer', () => {
    const said = card({});
    for (const part of [
      'Start a sandbox', 'Demo asks, because of what Ada wrote', 'To build <b>it</b>', 'High risk', /4 h \d+ min left/,
      'Medium 2 CPUs, 4 GiB memory, 8 GiB disk', 'template “Vite app”', 'registry.npmjs.org', '*.example.com',
      '$0.18 an hour while it runs · 33 hours left this month', '2 members of the chat, but not Ada · 0 of 2 so far',
    ]) expect(said).toMatch(typeof part === 'string' ? new RegExp(part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : part);
  });

  it('says so plainly when there is no network', () => {
    expect(card({ ask: { ...QUESTION.ask, action: { kind: 'start_sandbox', size: 'small', hosts: [] } } })).toContain('Network No network');
  });

  it('offers the sandbox that is there', () => {
    const said = card({ ask: { ...QUESTION.ask, action: { kind: 'start_sandbox', size: 'small', hosts: [], reuse: 's1' } } });
    expect(said).toContain('Approve, use the chat’s sandbox again Approve a new one Deny…');
  });

  it('tells who asked that somebody else must approve, and lets them deny', () => {
    const said = card({}, 'user_ada');
    expect(said).toContain('Deny… You asked for this, so somebody else in the chat has to approve it.');
    expect(said).not.toContain('Approve Deny…');
    expect(card({})).toContain('Approve Deny…');
  });

  it('counts who approved', () => {
    const said = card({ answers: [{ user: 'user_grace', approve: true }] }, 'user_alan');
    expect(said).toContain('1 of 2 so far');
    expect(said).toContain('Grace approved; 1 more to go.');
  });

  it('shows how far it is once it is approved, then what came of it', () => {
    const approved = { state: 'approved', answers: [{ user: 'user_grace', approve: true }] } as const;
    expect(card({ ...approved, answers: [...approved.answers] }, 'user_ada')).toContain('Approved by Grace Being carried out');
    const since = new Date(Date.now() - 3_000).toISOString();
    expect(card({ state: 'approved' }, 'user_ada', { progress: { text: 'Waits for a place', since } })).toMatch(/Waits for a place · \d s/);
    const done = card({ state: 'approved', outcome: { done: false, detail: 'No host answered.', at: QUESTION.at } });
    expect(done).toContain('No host answered.');
    expect(done).not.toContain('Being carried out');
  });

  it('says how it ended, by whom and why, and offers nothing more', () => {
    const denied = card({ state: 'denied', answers: [{ user: 'user_grace', approve: false, reason: 'Too dear' }] }, 'user_ada');
    expect(denied).toContain('Denied by Grace: “Too dear”');
    expect(card({ state: 'denied', endedBy: { kind: 'user', id: 'user_grace' } })).toContain('Denied by you');
    expect(card({ state: 'expired' })).toContain('Nobody answered in time.');
    expect(card({ state: 'withdrawn' })).toContain('No longer asked');
    expect(denied).not.toContain('Deny…');
  });
});

it('output is text in colours, never markup', () => {
  const { body } = render(Output, { props: { text: '\u001b[31m<img src=x>\u001b[0m', command: 'cat x' } });
  expect(body).toMatch(/<span class="ansi-red[^"]*">&lt;img src=x><\/span>/);
  expect(text(body)).toBe('$ cat x <img src=x>');
});

it('a meter says its numbers to those who cannot see its bar', () => {
  const { body } = render(Meter, { props: { label: 'Memory', used: 512 * 1024 ** 2, limit: 1024 ** 3, show: bytes } });
  expect(body).toContain('aria-valuetext="512 MiB of 1 GiB"');
});
