import { describe, expect, it } from 'vitest';

import type { Actor, Attachment, Event } from '#lib/api/events.ts';

import { Announcer } from './announce.ts';
import { ChatLog, firstUnread } from './log.ts';

const ADA: Actor = { kind: 'user', id: 'user_ada' };
const GRACE: Actor = { kind: 'user', id: 'user_grace' };
const DEMO: Actor = { kind: 'agent', id: 'agent_demo' };

type Body = Event extends infer E ? (E extends Event ? Omit<E, 'seq' | 'at' | 'actor'> : never) : never;

/** A log from what happened, one event each. */
function events(...bodies: [Actor, Body][]): Event[] {
  return bodies.map(([actor, body], index) => ({
    seq: index + 1,
    at: new Date(Date.UTC(2026, 10, 20, 8, 0, index)).toISOString(),
    actor,
    ...body,
  })) as Event[];
}

const posted = (message: string, text: string): Body => ({ type: 'message.posted', message, text });

/** One line for each message and turn. */
function show(log: ChatLog): string[] {
  return [
    ...[...log.messages.values()].map((message) => {
      const reactions = message.reactions.map((one) => `${one.emoji}${one.by.length}`).join(' ');
      const marks = [message.deleted && 'deleted', message.editedAt && 'edited', message.partial && 'partial', reactions];
      return [`${message.id}: ${message.text}`, ...marks.filter(Boolean)].join(' | ');
    }),
    ...[...log.turns.values()].map((turn) => `${turn.id}: ${turn.state}, tools ${turn.tools.length}`),
  ];
}

const HISTORY = events(
  [ADA, posted('m1', 'one')],
  [GRACE, posted('m2', 'two')],
  [ADA, { type: 'message.edited', message: 'm1', text: 'one!' }],
  [GRACE, { type: 'reaction.added', message: 'm1', emoji: '👍' }],
  [ADA, { type: 'reaction.added', message: 'm1', emoji: '👍' }],
  [GRACE, { type: 'reaction.removed', message: 'm1', emoji: '👍' }],
  [GRACE, { type: 'message.deleted', message: 'm2' }],
  [DEMO, { type: 'turn.queued', turn: 't1', agent: 'agent_demo', cause: 'm1', depth: 0 }],
  [DEMO, { type: 'turn.started', turn: 't1', attempt: 1 }],
  [DEMO, { type: 'turn.tool_called', turn: 't1', call: { id: 'c', name: 'read', arguments: {} } }],
  [DEMO, { type: 'turn.tool_returned', turn: 't1', result: { id: 'c', content: 'ok', is_error: false } }],
  [DEMO, { type: 'message.posted', message: 'm3', text: 'answer', turn: 't1' }],
  [DEMO, { type: 'turn.completed', turn: 't1', message: 'm3', model: 'demo', usage: { input_tokens: 1, output_tokens: 2 } }],
);

describe('a chat log', () => {
  it('folds edits, reactions, deletions and turns into what is shown', () => {
    const log = new ChatLog();
    expect(log.append(HISTORY)).toBe(true);
    expect(show(log)).toEqual(['m1: one! | edited | 👍1', 'm2:  | deleted', 'm3: answer', 't1: completed, tools 1']);
    expect(log.turns.get('t1')?.tools[0]?.result?.content).toBe('ok');
  });

  it('knows the calls of which the org keeps no more than that they were', () => {
    const log = new ChatLog();
    log.append(
      events(
        [DEMO, { type: 'turn.queued', turn: 't1', agent: 'agent_demo', cause: 'm1', depth: 0 }],
        [DEMO, { type: 'turn.tool_called', turn: 't1', call: { id: 'c', name: 'read', arguments: {} }, forgotten: true }],
        [DEMO, { type: 'turn.tool_returned', turn: 't1', result: { id: 'c', content: '', is_error: false }, forgotten: true }],
        [DEMO, { type: 'turn.tool_called', turn: 't1', call: { id: 'd', name: 'read', arguments: {} } }],
      ),
    );
    expect(log.turns.get('t1')?.tools.map((use) => [use.call.id, use.forgotten ?? false])).toEqual([
      ['c', true],
      ['d', false],
    ]);
  });

  it('has the files of a message until it is deleted, also for those who are told in one line', () => {
    const log = new ChatLog();
    const file: Attachment = { id: 'att_1', chat: 'c', name: 'tide.png', media_type: 'image/png', bytes: 5, pixels: [4, 3], by: ADA, created_at: '2026-11-20T08:00:00Z' };
    const announcer = new Announcer();
    log.append(events([GRACE, posted('m1', 'first')]));
    announcer.start(log);
    const sent: Event[] = events(
      [GRACE, posted('m1', 'first')],
      [ADA, { type: 'message.posted', message: 'm2', text: '', attachments: [file] }],
      [ADA, { type: 'message.edited', message: 'm2', text: 'With words' }],
      [ADA, { type: 'message.deleted', message: 'm2' }],
    );
    log.append(sent.slice(0, 2));
    expect(log.messages.get('m2')?.attachments).toEqual([file]);
    expect(announcer.next(log, 'user_grace', () => 'Ada')).toBe('Ada: tide.png');
    log.append(sent.slice(0, 3));
    expect(log.messages.get('m2')).toMatchObject({ text: 'With words', attachments: [file] });
    log.append(sent);
    expect(log.messages.get('m2')?.attachments ?? []).toEqual([]);
  });

  it('comes out the same however it was cut into pages', () => {
    const whole = new ChatLog();
    whole.append(HISTORY);
    for (let cut = 1; cut < HISTORY.length; cut += 1) {
      const log = new ChatLog();
      log.append(HISTORY.slice(cut));
      expect(log.prepend(HISTORY.slice(0, cut))).toBe(true);
      expect(show(log), `cut before event ${cut + 1}`).toEqual(show(whole));
    }
  });

  it('passes over what it has, and refuses what would leave a gap', () => {
    const log = new ChatLog();
    log.append(HISTORY.slice(0, 3));
    expect(log.append(HISTORY.slice(1, 5))).toBe(true);
    expect(log.last).toBe(5);
    expect(log.append(HISTORY.slice(6))).toBe(false);
    expect(log.last).toBe(5);
    expect(log.prepend(HISTORY.slice(0, 0))).toBe(true);
  });

  it('keeps the values that a longer history does not change', () => {
    const log = new ChatLog();
    log.append(HISTORY.slice(7));
    const before = log.messages.get('m3');
    log.prepend(HISTORY.slice(0, 7));
    expect(log.messages.get('m3')).toBe(before);
  });

  it('knows turns that began before it, from what the chat says of itself', () => {
    const log = new ChatLog();
    log.seed({ open_turns: [{ id: 't1', agent: 'agent_demo', state: 'running' }], participants: [] });
    log.append(HISTORY.slice(9, 11));
    expect(log.openTurns.map((turn) => [turn.id, turn.agent, turn.tools.length])).toEqual([['t1', 'agent_demo', 1]]);
    log.append(HISTORY.slice(11));
    expect(log.openTurns).toEqual([]);
  });

  it('gives a failed turn its place, and a stopped one only when it left no message', () => {
    const log = new ChatLog();
    log.append(
      events(
        [DEMO, { type: 'turn.failed', turn: 't1', failure: { code: 'refused', detail: 'no' } }],
        [ADA, { type: 'turn.cancelled', turn: 't2', message: null }],
        [DEMO, { type: 'message.posted', message: 'm', text: 'half', turn: 't3', partial: true }],
        [ADA, { type: 'turn.cancelled', turn: 't3', message: 'm' }],
      ),
    );
    expect(log.entries.map((entry) => ('event' in entry ? entry.kind : `${entry.kind} ${entry.id}`))).toEqual([
      'turn t1',
      'turn t2',
      'message m',
    ]);
    expect(show(log)[0]).toBe('m: half | partial');
  });

  it('passes over kinds of events that it does not know yet', () => {
    const log = new ChatLog();
    const future = { ...HISTORY[0], type: 'fork.created' } as unknown as Event;
    expect(log.append([future, { ...HISTORY[1]! }])).toBe(true);
    expect(show(log)).toEqual(['m2: two']);
  });
});

describe('the first unread message', () => {
  const unread = (read: number, me: string) => {
    const log = new ChatLog();
    log.append(HISTORY);
    return firstUnread(log, read, me)?.id;
  };

  it('is the first of others after what was read', () => {
    expect(unread(0, 'user_grace')).toBe('m1');
    expect(unread(1, 'user_grace')).toBe('m3');
    expect(unread(13, 'user_grace')).toBeUndefined();
  });

  it('is none of one’s own and none that was deleted', () => {
    expect(unread(0, 'user_ada')).toBe('m3');
  });
});
