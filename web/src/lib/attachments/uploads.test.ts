import { describe, expect, it } from 'vitest';

import type { Attachment, ProblemCode } from '#lib/api/events.ts';
import { Refused, Unreachable } from '#lib/api/problem.ts';

import { type Begun, Unreadable, fileName } from './upload.ts';
import { Uploads } from './uploads.ts';

const PART = 10;
const MIB = 1024 * 1024;

const refused = (code: ProblemCode, retry_after_s?: number) =>
  new Refused({ type: 'about:blank', title: code, status: 400, code, ...(retry_after_s ? { retry_after_s } : {}) });

interface Call {
  line: string;
  done: () => void;
  fail: (error: unknown) => void;
  sent: (bytes: number) => void;
  aborted: () => boolean;
}

/** Uploads over a server whose every answer is given by the test; it keeps the parts that were put. */
function uploads(kept: string | null = null) {
  const world = { kept, online: true, now: 1_000, names: 0, removed: [] as string[], log: [] as string[] };
  const server = new Map<string, { name: string; bytes: number; parts: Set<number>; complete: boolean }>();
  let calls: Call[] = [];
  let timers: { ms: number; run: () => void }[] = [];

  const call = <T>(line: string, answer: () => T, signal?: AbortSignal, sent: (bytes: number) => void = () => undefined) =>
    new Promise<T>((done, fail) => {
      world.log.push(line);
      const end = (act: () => void) => () => {
        calls = calls.filter((one) => one !== made);
        act();
      };
      const made: Call = {
        line,
        done: end(() => done(answer())),
        fail: (error) => end(() => fail(error))(),
        sent,
        aborted: () => signal?.aborted ?? false,
      };
      signal?.addEventListener('abort', () => made.fail(new Unreachable()));
      calls.push(made);
    });

  const attachment = (id: string): Attachment => ({
    id, chat: 'chat_1', name: server.get(id)!.name, media_type: 'text/plain', bytes: server.get(id)!.bytes,
    by: { kind: 'user', id: 'user_ada' }, created_at: '1970-01-01T00:00:00Z',
  });
  const box = new Uploads({
    transport: {
      begin: ({ name, bytes, clientId }) =>
        call(`begin ${clientId}`, (): Begun => {
          const id = `att_${clientId}`;
          if (!server.has(id)) server.set(id, { name, bytes, parts: new Set(), complete: false });
          const there = server.get(id)!;
          return { id, part_bytes: PART, parts: [...there.parts], complete: there.complete };
        }),
      put: (id, part, body, sent, signal) =>
        call(`put ${id} ${part} (${body.size})`, () => void server.get(id)!.parts.add(part), signal, sent),
      complete: (id) =>
        call(`complete ${id}`, () => {
          server.get(id)!.complete = true;
          return attachment(id);
        }),
      remove: async (id) => void world.removed.push(id),
    },
    shelf: { read: () => world.kept, write: (text) => (world.kept = text) },
    changed: () => undefined,
    fresh: () => `c${++world.names}`,
    now: () => world.now,
    online: () => world.online,
    after: (ms, run) => {
      const timer = { ms, run };
      timers.push(timer);
      return () => (timers = timers.filter((one) => one !== timer));
    },
  });

  const settle = async () => {
    for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
  };
  const open = () => calls.map((one) => one.line);
  const the = (line: string): Call => {
    const found = calls.find((one) => one.line.startsWith(line));
    if (!found) throw new Error(`not asked: ${line}; open: ${open().join(', ')}`);
    return found;
  };
  return {
    box, world, server, settle, open, the,
    async answer(...lines: string[]) {
      for (const line of lines) {
        the(line).done();
        await settle();
      }
    },
    async fail(line: string, error: unknown) {
      the(line).fail(error);
      await settle();
    },
    /** Answers everything until nothing is asked any more. */
    async finish() {
      while (calls.length > 0) {
        calls[0]!.done();
        await settle();
      }
    },
    waits: () => timers.map((one) => one.ms),
    async wait() {
      const due = timers;
      timers = [];
      for (const timer of due) timer.run();
      await settle();
    },
    states: () => box.list.map((one) => `${one.name} ${one.state} ${one.sent}/${one.bytes}`),
  };
}

const file = (name: string, bytes: number, modified = 7) => ({ name, modified, body: new Blob(['x'.repeat(bytes)]) });
/** A file that says to be as large as it likes. */
const huge = (name: string, bytes: number) => ({ name, modified: 7, body: { size: bytes } as Blob });

describe('uploads', () => {
  it('send a file in parts, two at a time, and complete it once all are there', async () => {
    const { box, open, answer, states } = uploads();
    expect(box.add([file('a.txt', 25)])).toEqual([]);
    expect(open()).toEqual(['begin c1']);
    await answer('begin c1');
    expect(open()).toEqual(['put att_c1 1 (10)', 'put att_c1 2 (10)']);
    await answer('put att_c1 2');
    expect(open()).toEqual(['put att_c1 1 (10)', 'put att_c1 3 (5)']);
    expect(states()).toEqual(['a.txt sending 10/25']);
    await answer('put att_c1 3');
    expect(open()).toEqual(['put att_c1 1 (10)']);
    await answer('put att_c1 1');
    expect([open(), states()]).toEqual([['complete att_c1'], ['a.txt finishing 25/25']]);
    expect(box.ready).toBe(false);
    await answer('complete');
    expect([states(), box.ready]).toEqual([['a.txt done 25/25'], true]);
  });

  it('count the bytes that have left, of parts on their way as of parts that are there', async () => {
    const { box, the, answer, states } = uploads();
    box.add([file('a.txt', 25)]);
    await answer('begin');
    the('put att_c1 1').sent(4);
    the('put att_c1 2').sent(7);
    expect(states()).toEqual(['a.txt sending 11/25']);
    await answer('put att_c1 1');
    expect(states()).toEqual(['a.txt sending 17/25']);
  });

  it('never have more than two requests at once, whatever the number of files', async () => {
    const { box, open, settle, the, states } = uploads();
    box.add([1, 2, 3, 4].map((number) => file(`${number}.txt`, 15)));
    let most = 0;
    while (open().length > 0) {
      most = Math.max(most, open().length);
      the('').done();
      await settle();
    }
    expect(most).toBe(2);
    expect(states().every((line) => line.includes('done'))).toBe(true);
  });

  it('go on by themselves after a part was lost, under the same name and without the parts that are there', async () => {
    const { box, world, answer, fail, waits, wait, finish, states } = uploads();
    box.add([file('a.txt', 25)]);
    await answer('begin', 'put att_c1 1');
    await fail('put att_c1 2', new Unreachable());
    expect([states(), waits()]).toEqual([['a.txt waiting 10/25'], [1_000]]);
    world.log = [];
    await wait();
    await finish();
    expect(world.log).toEqual(['begin c1', 'put att_c1 2 (10)', 'put att_c1 3 (5)', 'complete att_c1']);
    expect(states()).toEqual(['a.txt done 25/25']);
  });

  it('are put aside for a person after five tries that got no further, and go on when asked', async () => {
    const { box, answer, fail, wait, waits, finish, states } = uploads();
    box.add([file('a.txt', 5)]);
    const seen: number[] = [];
    for (let tried = 0; tried < 6; tried += 1) {
      await answer('begin');
      await fail('put', new Unreachable());
      seen.push(...waits());
      if (waits().length > 0) await wait();
    }
    expect(seen).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
    expect([states(), box.stuck]).toEqual([['a.txt failed 0/5'], true]);
    expect(box.list[0]?.why).toContain('cannot be reached');
    box.retry('c1');
    await finish();
    expect([states(), box.stuck]).toEqual([['a.txt done 5/5'], false]);
  });

  it('wait without trying while there is no network, and go on when it is back', async () => {
    const { box, world, answer, fail, waits, open, finish, states } = uploads();
    box.add([file('a.txt', 5)]);
    await answer('begin');
    world.online = false;
    await fail('put', new Unreachable());
    expect([states(), waits(), open()]).toEqual([['a.txt waiting 0/5'], [], []]);
    world.online = true;
    box.wake();
    await finish();
    expect(states()).toEqual(['a.txt done 5/5']);
  });

  it('wait as long as a busy server asks', async () => {
    const { box, fail, waits } = uploads();
    box.add([file('a.txt', 5)]);
    await fail('begin', refused('unavailable', 30));
    expect(waits()).toEqual([30_000]);
  });

  it.each([
    ['quota_reached', 'no room left'],
    ['too_large', 'Too large'],
    ['not_found', 'may not put files'],
    ['invalid_field', 'Invalid'],
  ] as const)('tell a refusal (%s) in words and do not repeat it', async (code, words) => {
    const { box, fail, waits, open } = uploads();
    box.add([file('a.txt', 5)]);
    await fail('begin', refused(code));
    expect(box.list[0]?.why?.toLowerCase()).toContain(words.toLowerCase());
    expect([box.list[0]?.state, waits(), open()]).toEqual(['failed', [], []]);
  });

  it('do not try again with a file that was changed meanwhile', async () => {
    const { box, answer, fail, waits } = uploads();
    box.add([file('a.txt', 5)]);
    await answer('begin');
    await fail('put', new Unreadable());
    expect([box.list[0]?.state, box.list[0]?.why, waits()]).toEqual(['failed', 'The file was changed or moved. Choose it again.', []]);
  });

  it('ask which parts are there when it could not be put together, and begin anew when that did not help', async () => {
    const { box, world, answer, fail, finish, states } = uploads();
    box.add([file('a.txt', 5)]);
    await answer('begin c1', 'put att_c1 1');
    await fail('complete att_c1', refused('upload_incomplete'));
    await answer('begin c1');
    await fail('complete att_c1', refused('upload_incomplete'));
    expect(states()).toEqual(['a.txt failed 5/5']);
    box.retry('c1');
    await finish();
    expect(world.log.slice(-3)).toEqual(['begin c2', 'put att_c2 1 (5)', 'complete att_c2']);
    expect([states(), world.removed]).toEqual([['a.txt done 5/5'], ['att_c1']]);
  });

  it('leave the other files alone when one fails', async () => {
    const { box, fail, finish, states } = uploads();
    box.add([file('a.txt', 5), file('b.txt', 5)]);
    await fail('begin c1', refused('quota_reached'));
    await finish();
    expect(states()).toEqual(['a.txt failed 0/5', 'b.txt done 5/5']);
    expect([box.ready, box.stuck]).toEqual([false, true]);
    box.remove('c1');
    expect([box.ready, box.stuck]).toEqual([true, false]);
  });

  it('end at once when one is cancelled, also on the server, and the next one takes its place', async () => {
    const { box, world, answer, the, open, settle } = uploads();
    box.add([file('a.txt', 25), file('b.txt', 5)]);
    await answer('begin c1', 'begin c2');
    const part = the('put att_c1 1');
    box.remove('c1');
    await settle();
    expect(part.aborted()).toBe(true);
    expect(world.removed).toEqual(['att_c1']);
    expect(open()).toEqual(['put att_c2 1 (5)']);
  });

  it('remove from the server what was cancelled while it was begun', async () => {
    const { box, world, answer, open } = uploads();
    box.add([file('a.txt', 5)]);
    box.remove('c1');
    await answer('begin');
    expect([world.removed, open(), box.list]).toEqual([['att_c1'], [], []]);
  });

  it('refuse what cannot be a file of a message, and take the rest', () => {
    const { box, states } = uploads();
    expect(box.add([file('empty.txt', 0), huge('film.mkv', 256 * MIB + 1), huge('whole.bin', 256 * MIB)])).toEqual([
      '“empty.txt” is empty.',
      '“film.mkv” is too large: a file may have 256 MiB.',
    ]);
    expect(states().map((line) => line.split(' ')[0])).toEqual(['whole.bin']);
  });

  it('take ten files, and say how many were left out', () => {
    const { box } = uploads();
    const twelve = Array.from({ length: 12 }, (_, index) => file(`${index}.txt`, 5));
    expect(box.add(twelve)).toEqual(['A message takes 10 files: 2 were left out.']);
    expect(box.list.length).toBe(10);
    expect(box.add([file('more.txt', 5)])).toEqual(['A message takes 10 files: one was left out.']);
  });

  it('survive a reload: what is done stays, the rest goes on when the same file is chosen again', async () => {
    const first = uploads();
    first.box.add([file('done.txt', 5), file('half.txt', 25), file('third.txt', 5)]);
    await first.answer('begin c1', 'begin c2', 'put att_c1 1', 'complete att_c1', 'put att_c2 1');
    const second = uploads(first.world.kept);
    second.world.names = 10;
    expect(second.states()).toEqual(['done.txt done 5/5', 'half.txt lost 0/25']);
    expect(second.box.stuck).toBe(true);
    second.server.set('att_c2', { name: 'half.txt', bytes: 25, parts: new Set([1]), complete: false });
    // Another file of that name is another file.
    second.box.add([file('half.txt', 25, 8)]);
    expect(second.box.list.length).toBe(3);
    second.box.remove('c11');
    second.box.add([file('half.txt', 25)]);
    await second.finish();
    expect(second.world.log).toContain('begin c2');
    expect(second.world.log).not.toContain('put att_c2 1 (10)');
    expect(second.box.list.find((one) => one.clientId === 'c2')?.state).toBe('done');
  });

  it('forget what the server has removed meanwhile', () => {
    const first = uploads();
    first.box.put([{ id: 'att_old', chat: 'c', name: 'old.txt', media_type: 'text/plain', bytes: 5, by: { kind: 'system' }, created_at: '1970-01-01T00:00:00Z' }]);
    expect(uploads(first.world.kept).box.list.length).toBe(1);
    const day = 24 * 60 * 60 * 1_000;
    expect(new Uploads(portsAt(first.world.kept, day)).list).toEqual([]);
  });

  it('hand their files to a message once, and take them back from one that failed', async () => {
    const { box, world, finish } = uploads();
    box.add([file('a.txt', 5), file('b.txt', 5)]);
    await finish();
    const files = box.take();
    expect(files.map((one) => one.name)).toEqual(['a.txt', 'b.txt']);
    expect([box.list, box.ready, world.kept, world.removed]).toEqual([[], false, null, []]);
    box.put(files);
    expect([box.ready, box.take()]).toEqual([true, files]);
    // One that came meanwhile is for the next message.
    box.put(files);
    box.add([file('c.txt', 5)]);
    expect(box.take()).toEqual(files);
    expect(box.list.map((one) => one.name)).toEqual(['c.txt']);
  });

  it('open empty when what was kept cannot be read', () => {
    expect(uploads('{not json').box.list).toEqual([]);
  });
});

function portsAt(kept: string | null, now: number): ConstructorParameters<typeof Uploads>[0] {
  const never = () => Promise.reject(new Error('not asked for'));
  return {
    transport: { begin: never, put: never, complete: never, remove: never },
    shelf: { read: () => kept, write: () => undefined },
    changed: () => undefined,
    fresh: () => 'c',
    now: () => now,
    online: () => true,
    after: () => () => undefined,
  };
}

describe('the name of a file', () => {
  it('has no folders and no control characters', () => {
    expect(['report.pdf', 'C:\\fakepath\\a.png', '../../etc/passwd', 'a\u0000b\n.txt', '..', ' '].map(fileName)).toEqual([
      'report.pdf', 'a.png', 'passwd', 'ab.txt', 'file', 'file',
    ]);
  });

  it('is cut between characters, before its ending, when it is too long', () => {
    const name = fileName(`${'é'.repeat(200)}.jpeg`);
    expect(name).toBe(`${'é'.repeat(125)}.jpeg`);
    expect(new TextEncoder().encode(name).length).toBe(255);
  });
});
