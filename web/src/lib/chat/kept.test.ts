// Pins, summaries and receipts as the log folds them.
import { describe, expect, it } from 'vitest';

import type { Actor, Event, Receipt } from '#lib/api/events.ts';

import { Announcer } from './announce.ts';
import { ChatLog } from './log.ts';
import { rowsOf } from './rows.ts';

const ADA: Actor = { kind: 'user', id: 'user_ada' };
const DEMO: Actor = { kind: 'agent', id: 'agent_demo' };

type Body = Event extends infer E ? (E extends Event ? Omit<E, 'seq' | 'at' | 'actor'> : never) : never;

/** A message's id as the server makes it: its chat, and the number of its event. */
const msg = (seq: number): string => `msg_${'0'.repeat(32)}${seq.toString(16).padStart(8, '0')}`;

function events(from: number, ...bodies: [Actor, Body][]): Event[] {
  return bodies.map(([actor, body], index) => ({
    seq: from + index,
    at: new Date(Date.UTC(2026, 10, 20, 8, 0, from + index)).toISOString(),
    actor,
    ...body,
  })) as Event[];
}

const posted = (seq: number, text = 'x'): Body => ({ type: 'message.posted', message: msg(seq), text });
const pinned = (seq: number): Body => ({ type: 'message.pinned', message: msg(seq) });
const unpinned = (seq: number): Body => ({ type: 'message.unpinned', message: msg(seq) });
const pins = (log: ChatLog): string[] => [...log.pins.map.keys()];
const USAGE = { input_tokens: 1, output_tokens: 2 };

describe('pins', () => {
  const described = { open_turns: [], participants: [], head: 3, pins: [{ message: msg(1), by: ADA, at: '2026-11-20T08:00:00Z' }] };

  it('are those of the description, and what came after it', () => {
    const log = new ChatLog();
    log.seed(described);
    // The window holds what the description has seen already: an unpinning from before it counts no more.
    log.append(events(2, [ADA, pinned(1)], [ADA, unpinned(1)]));
    expect(pins(log)).toEqual([msg(1)]);
    log.append(events(4, [ADA, posted(4)], [DEMO, pinned(4)], [ADA, pinned(4)]));
    expect(pins(log)).toEqual([msg(1), msg(4)]);
    expect(log.pins.map.get(msg(4))?.by).toEqual(DEMO);
    log.append(events(7, [ADA, unpinned(1)]));
    expect(pins(log)).toEqual([msg(4)]);
  });

  it('go with their message', () => {
    const log = new ChatLog();
    log.seed(described);
    log.append(events(4, [ADA, { type: 'message.deleted', message: msg(1) }]));
    expect(pins(log)).toEqual([]);
  });

  it('stay as they are when older events are loaded', () => {
    const log = new ChatLog();
    log.seed(described);
    log.append(events(4, [ADA, posted(4)], [ADA, pinned(4)], [ADA, unpinned(1)]));
    const before = log.pins.map;
    expect(log.prepend(events(1, [ADA, posted(1)], [ADA, pinned(1)], [ADA, posted(3)]))).toBe(true);
    expect(log.pins.map).toBe(before);
  });
});

describe('summaries', () => {
  const turn = 't1';
  const queued: Body = { type: 'turn.queued', turn, agent: 'agent_demo', cause: msg(2), depth: 0, summary: true };
  const started: Body = { type: 'turn.started', turn, attempt: 1 };
  const summarised: Body = { type: 'turn.summarised', turn, from: 1, to: 2, text: '## So far', model: 'demo:demo', usage: USAGE };
  const history = events(1, [ADA, posted(1)], [ADA, posted(2)], [ADA, posted(3)], [DEMO, queued], [DEMO, started]);

  function aLog(): ChatLog {
    const log = new ChatLog();
    log.append(history);
    return log;
  }

  it('are nobody who answers while they are written, and one line afterwards', () => {
    const log = aLog();
    expect(log.openTurns).toEqual([]);
    log.append(events(6, [DEMO, summarised]));
    expect(rowsOf(log, null).map((row) => row.key).slice(-2)).toEqual([msg(3), 'summary-2']);
    expect(log.turns.get(turn)?.summarised).toEqual({ from: 1, to: 2, text: '## So far', stale: false });
  });

  it('are nobody who answers where only the description tells of them', () => {
    const log = new ChatLog();
    log.seed({ open_turns: [{ id: turn, agent: 'agent_demo', state: 'running', summary: true }], participants: [] });
    expect(log.openTurns).toEqual([]);
    log.append(events(9, [DEMO, started]));
    expect(log.openTurns).toEqual([]);
  });

  it('fail in silence, as answers do not', () => {
    const failure = { type: 'turn.failed', turn, failure: { kind: 'provider', detail: 'no' } } as unknown as Body;
    const log = aLog();
    log.append(events(6, [DEMO, failure]));
    expect(rowsOf(log, null).some((row) => row.kind === 'turn')).toBe(false);
    const spoken = new ChatLog();
    spoken.append(events(1, [DEMO, { ...queued, summary: false } as Body], [DEMO, failure]));
    expect(rowsOf(spoken, null).some((row) => row.kind === 'turn')).toBe(true);
  });

  it('are not announced', () => {
    const log = new ChatLog();
    log.append(history.slice(0, 3));
    const announcer = new Announcer();
    announcer.start(log);
    log.append([...history.slice(3), ...events(6, [DEMO, summarised])]);
    expect(announcer.next(log, 'user_ada', (key) => key)).toBeNull();
  });

  it('are stale once a message that they cover was changed, and empty once it was deleted', () => {
    const told = (log: ChatLog) => log.turns.get(turn)?.summarised;
    const log = aLog();
    log.append(events(6, [DEMO, summarised], [ADA, { type: 'message.edited', message: msg(3), text: 'after it' }]));
    expect(told(log)?.stale).toBe(false);
    log.append(events(8, [ADA, { type: 'message.edited', message: msg(2), text: 'y' }]));
    expect(told(log)).toMatchObject({ text: '## So far', stale: true });
    log.append(events(9, [ADA, { type: 'message.deleted', message: msg(1) }]));
    expect(told(log)).toMatchObject({ text: '', stale: true });
  });

  it('do not mind messages of forks, and know messages before the window by their ids', () => {
    const log = new ChatLog();
    log.append(
      events(
        11,
        [ADA, { type: 'message.posted', message: msg(11), text: 'beside', fork: 'fork_1' }],
        [DEMO, { ...summarised, from: 1, to: 11 } as Body],
        [ADA, { type: 'message.deleted', message: msg(11) }],
      ),
    );
    expect(log.turns.get(turn)?.summarised?.text).toBe('## So far');
    log.append(events(14, [ADA, { type: 'message.deleted', message: msg(5) }]));
    expect(log.turns.get(turn)?.summarised?.text).toBe('');
  });
});

describe('receipts', () => {
  it('come with the end of the turn', () => {
    const receipt: Receipt = { budget: 8_000, tokens: 1_200, parts: [{ kind: 'instructions', tokens: 1_200 }] };
    const log = new ChatLog();
    log.append(
      events(
        1,
        [ADA, posted(1)],
        [DEMO, { type: 'turn.queued', turn: 't1', agent: 'agent_demo', cause: msg(1), depth: 0 }],
        [DEMO, { type: 'message.posted', message: msg(3), text: 'y', turn: 't1' }],
        [DEMO, { type: 'turn.completed', turn: 't1', message: msg(3), model: 'demo:demo', usage: USAGE, receipt }],
      ),
    );
    const row = rowsOf(log, null).at(-1);
    expect(row?.kind === 'message' && row.turn?.receipt).toEqual(receipt);
  });
});

it('the files of a message go with its text', () => {
  const log = new ChatLog();
  const file = { id: 'att_1', name: 'plan.txt' } as never;
  log.append(events(1, [ADA, { ...posted(1), attachments: [file] } as Body]));
  expect(log.messages.get(msg(1))?.attachments).toEqual([file]);
  log.append(events(2, [ADA, { type: 'message.deleted', message: msg(1) }]));
  expect(log.messages.get(msg(1))?.attachments ?? []).toEqual([]);
});
