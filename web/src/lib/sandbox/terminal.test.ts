import { describe, expect, it } from 'vitest';

import { Refused, Unreachable } from '#lib/api/problem.ts';

import { TerminalSession, type TerminalWire } from './terminal.ts';

class FakeWire implements TerminalWire {
  sent: (string | Uint8Array)[] = [];
  closed = false;
  onopen: TerminalWire['onopen'] = null;
  onmessage: TerminalWire['onmessage'] = null;
  onclose: TerminalWire['onclose'] = null;
  send(data: string | Uint8Array): void {
    this.sent.push(data);
  }
  close(): void {
    this.closed = true;
  }
}

function world() {
  const all = {
    wires: [] as FakeWire[],
    asked: [] as string[],
    screen: '',
    states: [] as string[],
    timers: [] as (() => void)[],
    refuse: null as Error | null,
    settle: async () => {
      for (let turn = 0; turn < 6; turn += 1) await Promise.resolve();
    },
  };
  const session = new TerminalSession('one', {
    ticket: async () => {
      if (all.refuse) throw all.refuse;
      return 'ticket';
    },
    open: (ticket, terminal, cols, rows) => {
      all.asked.push(`${ticket} ${terminal} ${cols}x${rows}`);
      all.wires.push(new FakeWire());
      return all.wires.at(-1)!;
    },
    write: (bytes) => (all.screen += new TextDecoder().decode(bytes)),
    reset: () => (all.screen = ''),
    changed: (state) => all.states.push(state.name),
    random: () => 1,
    after: (_ms, run) => {
      all.timers.push(run);
      return () => void all.timers.splice(all.timers.indexOf(run), 1);
    },
  });
  return { all, session, wire: () => all.wires.at(-1)! };
}
const bytes = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer;

describe('a terminal', () => {
  it('connects with a ticket and its size, writes what comes and sends what is typed', async () => {
    const { all, session, wire } = world();
    session.resize(100, 30);
    session.start();
    await all.settle();
    expect(all.asked).toEqual(['ticket one 100x30']);
    session.type('lost before it is open');
    wire().onopen!();
    wire().onmessage!(bytes('$ '));
    session.type('ls\r');
    expect([all.screen, wire().sent]).toEqual(['$ ', [new TextEncoder().encode('ls\r')]]);
  });

  it('tells a new size at once, and one that changed while it connected when it is open', async () => {
    const { all, session, wire } = world();
    session.start();
    await all.settle();
    session.resize(90, 20);
    wire().onopen!();
    session.resize(90, 20);
    session.resize(91, 20);
    expect(wire().sent).toEqual(['{"type":"resize","cols":90,"rows":20}', '{"type":"resize","cols":91,"rows":20}']);
  });

  it('comes back to the same shell when the connection is lost, with the screen told anew', async () => {
    const { all, session, wire } = world();
    session.start();
    await all.settle();
    wire().onopen!();
    wire().onmessage!(bytes('old'));
    wire().onclose!();
    expect(all.states.at(-1)).toBe('waiting');
    all.timers.splice(0).forEach((run) => run());
    await all.settle();
    wire().onopen!();
    wire().onmessage!(bytes('old and new'));
    expect([all.screen, all.asked.length, all.asked[1]]).toEqual(['old and new', 2, 'ticket one 80x24']);
  });

  it('ends with its shell, and begins another under another name', async () => {
    const { all, session, wire } = world();
    session.start();
    await all.settle();
    wire().onopen!();
    const first = wire();
    first.onmessage!('{"type":"exit","code":3}');
    first.onclose!();
    expect(session.state).toEqual({ name: 'ended', code: 3 });
    expect(all.timers).toHaveLength(0);
    session.start('two');
    await all.settle();
    expect(all.asked.at(-1)).toBe('ticket two 80x24');
  });

  it('says why it was refused, and does not try again', async () => {
    const { all, session } = world();
    all.refuse = new Refused({ type: 'about:blank', title: 'The sandbox does not run', status: 409, code: 'sandbox_not_running' });
    session.start();
    await all.settle();
    expect(session.state).toEqual({ name: 'failed', error: all.refuse });
    expect(all.timers).toHaveLength(0);
  });

  it('gives up after eight tries in vain', async () => {
    const { all, session } = world();
    all.refuse = new Unreachable();
    session.start();
    await all.settle();
    let tries = 0;
    while (all.timers.length > 0) {
      all.timers.splice(0).forEach((run) => run());
      await all.settle();
      tries += 1;
    }
    expect([tries, session.state.name]).toEqual([8, 'failed']);
  });

  it('is silent once it is closed', async () => {
    const { all, session, wire } = world();
    session.start();
    await all.settle();
    const only = wire();
    session.close();
    only.onopen!();
    only.onmessage!(bytes('late'));
    only.onclose!();
    expect([only.closed, all.screen, all.timers.length]).toEqual([true, '', 0]);
  });
});
