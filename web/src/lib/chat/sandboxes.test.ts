import { describe, expect, it } from 'vitest';

import type { Event, SandboxStatus } from '#lib/api/events.ts';

import { ChatLog } from './log.ts';
import { Outputs, written } from './output.ts';
import { Sandboxes } from './sandboxes.ts';

const status = (sandbox: string, version: number, state: SandboxStatus['state'], more: Partial<SandboxStatus> = {}): SandboxStatus => ({
  sandbox,
  version,
  state,
  epoch: 1,
  size: 'small',
  hosts: [],
  ...more,
});

describe('the sandbox of a chat', () => {
  it('is told by the newest version, in whatever order news come', () => {
    const known = new Sandboxes();
    expect(known.take(status('s1', 3, 'ready'), 9)).toBe(true);
    expect(known.take(status('s1', 2, 'starting'), 10)).toBe(false);
    expect(known.take(status('s1', 3, 'starting'), 11)).toBe(false);
    expect(known.current?.state).toBe('ready');
  });

  it('is the newest that runs or is to, else the newest', () => {
    const known = new Sandboxes();
    known.take(status('s1', 1, 'stopped'), 4);
    known.take(status('s2', 1, 'ready'), 5);
    known.take(status('s1', 2, 'destroyed'), 6);
    expect(known.current?.sandbox).toBe('s2');
    known.take(status('s2', 2, 'stopped'), 7);
    expect(known.current?.sandbox).toBe('s2');
    known.take(status('s3', 1, 'queued'), 8);
    expect(known.current?.sandbox).toBe('s3');
  });

  const events = (...all: SandboxStatus[]): Event[] =>
    all.map((one, index) => ({ type: 'sandbox.changed', seq: index + 1, at: '2026-11-20T08:00:00Z', actor: { kind: 'system' }, status: one }));
  const news = (...all: SandboxStatus[]) => {
    const log = new ChatLog();
    log.append(events(...all));
    return log.entries.map((entry) => (entry.kind === 'happening' ? entry.news : entry.kind));
  };

  it('gets a line for what matters, not for every step', () => {
    expect(
      news(
        status('s', 1, 'queued'),
        status('s', 2, 'starting'),
        status('s', 3, 'ready'),
        status('s', 4, 'idle'),
        status('s', 5, 'ready'),
        status('s', 6, 'ready', { hosts: ['example.com'] }),
        status('s', 7, 'ready', { hosts: ['example.com'], epoch: 2 }),
        status('s', 8, 'stopping', { epoch: 3 }),
        status('s', 9, 'stopped', { epoch: 3 }),
        status('s', 9, 'stopped', { epoch: 3 }),
      ),
    ).toEqual(['queued', 'ready', 'hosts', 'revoked', 'stopped']);
  });

  it('is known from what the chat says of itself, whatever older events say', () => {
    const log = new ChatLog();
    log.seed({ open_turns: [], participants: [], sandbox: status('new', 4, 'ready'), head: 40 });
    log.append(events(status('old', 9, 'ready')));
    expect(log.sandboxes.current?.sandbox).toBe('new');
  });

  it('does not mind a state that is newer than this page', () => {
    expect(news(status('s', 1, 'hibernating' as never))).toEqual([]);
  });
});

describe('what a running call writes', () => {
  it('goes where its offset says, and starts over at 0', () => {
    let tail = written(undefined, 0, 'one\n');
    tail = written(tail, 4, 'two');
    tail = written(tail, 6, 'p\n');
    expect(tail).toEqual({ from: 0, text: 'one\ntwp\n' });
    expect(written(tail, 0, 'again')).toEqual({ from: 0, text: 'again' });
  });

  it('goes on for those who came late and were told the end alone', () => {
    let tail = written(undefined, 0, 'the end so far\n');
    tail = written(tail, 5_000, 'more\n');
    expect(tail.text).toBe('the end so far\nmore\n');
    tail = written(tail, 5_005, 'and more\n');
    expect(tail.text).toBe('the end so far\nmore\nand more\n');
  });

  it('is cut off at the front, at a line, when it is long', () => {
    const line = `${'x'.repeat(99)}\n`;
    let tail = written(undefined, 0, '');
    for (let count = 0; count < 2_000; count += 1) tail = written(tail, count * 100, line);
    expect(tail.text.length).toBeLessThanOrEqual(128 * 1024);
    expect(tail.text.length % 100).toBe(0);
    expect(tail.from + tail.text.length).toBe(200_000);
  });

  it('is handed on once a frame, each call apart, and dropped with its turn', () => {
    const frames: (() => void)[] = [];
    const told: [string, string | undefined][] = [];
    const outputs = new Outputs((run) => frames.push(run), (key, tail) => told.push([key, tail?.text]));
    outputs.take('t1', 'c1', 0, 'a');
    outputs.take('t1', 'c1', 1, 'b');
    outputs.take('t1', 'c2', 0, 'z');
    expect(frames).toHaveLength(1);
    frames.shift()!();
    expect(told.splice(0)).toEqual([
      ['t1/c1', 'ab'],
      ['t1/c2', 'z'],
    ]);
    outputs.drop('t1');
    frames.shift()!();
    expect(told).toEqual([
      ['t1/c1', undefined],
      ['t1/c2', undefined],
    ]);
  });
});
