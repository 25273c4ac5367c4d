import { describe, expect, it } from 'vitest';

import type { Actor, ApprovalAsk, Event } from '#lib/api/events.ts';
import type { Approval } from '#lib/api/resources.ts';
import { approvalsMissing, standing } from '#lib/sandbox/standing.ts';

import { Announcer } from './announce.ts';
import { type Question, holdsTurn, seqOf } from './approvals.ts';
import { ChatLog } from './log.ts';
import { rowsOf } from './rows.ts';

const ADA: Actor = { kind: 'user', id: 'user_ada' };
const GRACE: Actor = { kind: 'user', id: 'user_grace' };
const ALAN: Actor = { kind: 'user', id: 'user_alan' };
const DEMO: Actor = { kind: 'agent', id: 'agent_demo' };
const SYSTEM: Actor = { kind: 'system' };

const ASK: ApprovalAsk = {
  action: { kind: 'start_sandbox', size: 'small', hosts: [] },
  risk: 'high',
  reason: 'To make the page',
  quorum: 1,
  self_approval: 'when_alone',
  life_s: 86_400,
};

type Body = Event extends infer E ? (E extends Event ? Omit<E, 'seq' | 'at' | 'actor'> : never) : never;

function events(...bodies: [Actor, Body][]): Event[] {
  return bodies.map(([actor, body], index) => ({
    seq: index + 1,
    at: new Date(Date.UTC(2026, 10, 20, 8, 0, index)).toISOString(),
    actor,
    ...body,
  })) as Event[];
}

const ASKED: [Actor, Body][] = [
  [ADA, { type: 'message.posted', message: 'm1', text: '@demo make a page' }],
  [SYSTEM, { type: 'turn.queued', turn: 't1', agent: 'agent_demo', cause: 'm1', depth: 0 }],
  [DEMO, { type: 'turn.started', turn: 't1', attempt: 1 }],
  [DEMO, { type: 'turn.tool_called', turn: 't1', call: { id: 'c1', name: 'start_sandbox', arguments: {} } }],
  [
    DEMO,
    {
      type: 'approval.requested',
      approval: 'a1',
      user: 'user_ada',
      turn: 't1',
      call: 'c1',
      ask: ASK,
      expires_at: '2026-11-21T08:00:00Z',
    },
  ],
];
const vote = (approve: boolean, reason?: string): Body => ({
  type: 'approval.voted',
  approval: 'a1',
  approve,
  option: 'new',
  ...(reason ? { reason } : {}),
});
const closed = (state: 'approved' | 'denied' | 'expired' | 'withdrawn'): Body => ({ type: 'approval.closed', approval: 'a1', state });
const carriedOut: Body = { type: 'approval.carried_out', approval: 'a1', done: true, detail: 'The sandbox runs.' };
const returned: Body = { type: 'turn.tool_returned', turn: 't1', result: { id: 'c1', content: 'ok', is_error: false } };

const LISTED: Approval = {
  id: 'a1',
  chat: 'chat_1',
  chat_title: 'Pages',
  asked_by: DEMO,
  user: 'user_ada',
  turn: 't1',
  ask: ASK,
  state: 'open',
  votes: [],
  asked_at: '2026-11-20T08:00:04Z',
  expires_at: '2026-11-21T08:00:00Z',
};

function logOf(...more: [Actor, Body][]): ChatLog {
  const log = new ChatLog();
  log.append(events(...ASKED, ...more));
  return log;
}
const turnOf = (log: ChatLog) => log.turns.get('t1')?.state;

describe('a question in the log', () => {
  it('is open, holds its turn, and has a row that is named by it', () => {
    const log = logOf();
    expect(log.openQuestions.map((one) => [one.id, one.askedBy, one.user])).toEqual([['a1', DEMO, 'user_ada']]);
    expect(turnOf(log)).toBe('waiting');
    expect(rowsOf(log, null).map((row) => row.key)).toContain('a1');
  });

  it('gathers votes, one for each person, and says who ended it and why', () => {
    const log = logOf([GRACE, vote(true)], [GRACE, vote(true)], [ALAN, vote(false, 'Too dear')], [ALAN, closed('denied')]);
    const question = log.questions.get('a1')!;
    expect(question.answers).toEqual([
      { user: 'user_grace', approve: true, option: 'new', reason: undefined },
      { user: 'user_alan', approve: false, option: 'new', reason: 'Too dear' },
    ]);
    expect([question.state, question.endedBy]).toEqual(['denied', ALAN]);
  });

  it('lets its turn go on when it is denied, and once it is carried out when it is approved', () => {
    expect(turnOf(logOf([GRACE, vote(false)], [GRACE, closed('denied')]))).toBe('running');
    expect(turnOf(logOf([SYSTEM, closed('expired')]))).toBe('running');
    expect(turnOf(logOf([GRACE, closed('approved')]))).toBe('waiting');
    const done = logOf([GRACE, closed('approved')], [SYSTEM, carriedOut]);
    expect(turnOf(done)).toBe('running');
    expect(done.questions.get('a1')?.outcome).toMatchObject({ done: true, detail: 'The sandbox runs.' });
    expect(turnOf(logOf([GRACE, closed('denied')], [DEMO, returned]))).toBe('running');
  });

  it('does not bring a turn back that has ended', () => {
    const log = logOf([ADA, { type: 'turn.cancelled', turn: 't1', message: null }], [SYSTEM, closed('withdrawn')]);
    expect(turnOf(log)).toBe('cancelled');
    expect(log.openQuestions).toEqual([]);
  });

  it('comes out the same however the log was cut into pages', () => {
    const all = events(...ASKED, [GRACE, vote(true)], [GRACE, closed('approved')], [SYSTEM, carriedOut], [DEMO, returned]);
    const whole = new ChatLog();
    whole.append(all);
    for (let cut = 1; cut < all.length; cut += 1) {
      const log = new ChatLog();
      log.append(all.slice(cut));
      log.prepend(all.slice(0, cut));
      expect(log.questions, `cut before event ${cut + 1}`).toEqual(whole.questions);
      expect(log.turns).toEqual(whole.turns);
    }
  });

  it('is known from what the chat says of itself when it was asked before the window, and keeps later news', () => {
    const log = new ChatLog();
    const all = events(...ASKED, [GRACE, closed('approved')]);
    log.seed({ open_turns: [{ id: 't1', agent: 'agent_demo', state: 'waiting' }], participants: [], open_approvals: [LISTED], head: 5 });
    expect(log.openQuestions).toHaveLength(1);
    log.append(all.slice(5));
    expect(log.openQuestions).toEqual([]);
    log.prepend(all.slice(3, 5));
    expect(log.questions.get('a1')?.state).toBe('approved');
  });

  it('changes nothing when it was never heard of', () => {
    const log = new ChatLog();
    expect(log.append(events([GRACE, vote(true)], [GRACE, closed('approved')], [SYSTEM, carriedOut]))).toBe(true);
    expect(log.questions.size).toBe(0);
  });

  it('is announced when it is asked and when it ends', () => {
    const log = new ChatLog();
    const all = events(...ASKED, [GRACE, closed('approved')]);
    log.append(all.slice(0, 4));
    const announcer = new Announcer();
    announcer.start(log);
    log.append(all.slice(4, 5));
    expect(announcer.next(log, 'user_grace', () => 'Demo')).toBe('Demo asks for an approval.');
    log.append(all.slice(5));
    expect(announcer.next(log, 'user_grace', () => 'Demo')).toBe('The approval was given.');
  });

  it('leads to its event by its id', () => {
    expect(seqOf('appr_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b0000002a')).toBe(42);
  });
});

describe('what a person may do about a question', () => {
  const question = (change: Partial<Question> = {}, rule = ASK.self_approval, quorum = 1): Question => ({
    ...logOf().questions.get('a1')!,
    ask: { ...ASK, self_approval: rule, quorum },
    ...change,
  });
  const may = (one: Question, me: string, others?: boolean, guest = false) => standing(one, { me, guest, others }).may;

  it('is decide, for everybody but guests and who caused it', () => {
    expect(may(question(), 'user_grace')).toBe('decide');
    expect(may(question(), 'user_grace', true, true)).toBe('nothing');
  });

  it('follows the rule for one’s own asks', () => {
    expect(may(question({}, 'never'), 'user_ada', false)).toBe('deny');
    expect(may(question({}, 'when_alone'), 'user_ada', false)).toBe('decide');
    expect(may(question({}, 'when_alone'), 'user_ada', true)).toBe('deny');
    expect(may(question({}, 'always'), 'user_ada', true)).toBe('decide');
  });

  it('leaves it to the server where nobody knows who else is there', () => {
    expect(may(question(), 'user_ada', undefined)).toBe('decide');
  });

  it('is nothing once one approved, and says how many are missing', () => {
    const voted = question({ answers: [{ user: 'user_grace', approve: true }] }, 'when_alone', 3);
    expect(approvalsMissing(voted)).toBe(2);
    expect(standing(voted, { me: 'user_grace', guest: false })).toEqual({ may: 'nothing', why: 'You approved. 2 more people have to.' });
  });

  it('is nothing once it has ended', () => {
    expect(may(question({ state: 'expired' }), 'user_grace')).toBe('nothing');
    expect(holdsTurn(question({ state: 'approved' }))).toBe(true);
    expect(holdsTurn(question({ state: 'expired' }))).toBe(false);
  });
});
