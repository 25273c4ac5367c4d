import { describe, expect, it } from 'vitest';

import type { ServerFrame } from '#lib/api/events.ts';
import { Refused } from '#lib/api/problem.ts';

import { ChatSocket, type SocketState, type Wire } from './socket.ts';

class FakeWire implements Wire {
  sent: string[] = [];
  closed = false;
  onmessage: Wire['onmessage'] = null;
  onclose: Wire['onclose'] = null;
  send(text: string) {
    this.sent.push(text);
  }
  close() {
    this.closed = true;
  }
  says(frame: ServerFrame | 'pong') {
    this.onmessage?.({ data: frame === 'pong' ? frame : JSON.stringify(frame) });
  }
}

const HELLO: ServerFrame = { type: 'hello', you: 'user_ada', head: 3, present: [], count: 1 };

/** A machine whose time, chance and network the test holds in its hands. */
function machine() {
  const world = {
    wires: [] as FakeWire[],
    states: [] as string[],
    frames: [] as string[],
    timers: [] as { ms: number; run: () => void }[],
    catchUps: 0,
    online: true,
    ticket: () => Promise.resolve('ticket'),
  };
  const socket = new ChatSocket({
    ticket: () => world.ticket(),
    open: () => {
      const wire = new FakeWire();
      world.wires.push(wire);
      return wire;
    },
    catchUp: () => {
      world.catchUps += 1;
      return Promise.resolve();
    },
    frame: (frame) => world.frames.push(frame.type),
    changed: (state: SocketState) => world.states.push('damaged' in state && state.damaged ? 'damaged' : state.name),
    online: () => world.online,
    visible: () => true,
    random: () => 1,
    after: (ms, run) => {
      const timer = { ms, run };
      world.timers.push(timer);
      return () => {
        world.timers = world.timers.filter((one) => one !== timer);
      };
    },
  });
  /** Lets promises settle. */
  const settle = async () => {
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  /** Runs the timer that waits `ms`. */
  const pass = async (ms: number) => {
    const timer = world.timers.find((one) => one.ms === ms);
    if (!timer) throw new Error(`no timer of ${ms} ms; there are ${world.timers.map((one) => one.ms).join(', ')}`);
    world.timers = world.timers.filter((one) => one !== timer);
    timer.run();
    await settle();
  };
  const live = async () => {
    socket.start();
    await settle();
    world.wires.at(-1)!.says(HELLO);
  };
  return { world, socket, settle, pass, live };
}

describe('the socket machine', () => {
  it('is live once the server has greeted', async () => {
    const { world, socket, settle } = machine();
    socket.start();
    await settle();
    expect(world.states).toEqual(['connecting']);
    expect(socket.send({ type: 'typing', active: true })).toBe(false);
    world.wires[0]!.says(HELLO);
    expect(world.states.at(-1)).toBe('live');
    expect(socket.send({ type: 'typing', active: true })).toBe(true);
  });

  it('comes back by itself after a loss, waiting longer each time it fails', async () => {
    const { world, live, pass } = machine();
    await live();
    world.wires[0]!.onclose?.({ code: 1006 });
    expect(world.states.at(-1)).toBe('waiting');
    world.ticket = () => Promise.reject(new Error('no network'));
    await pass(400);
    await pass(800);
    await pass(1_600);
    world.ticket = () => Promise.resolve('ticket');
    await pass(3_200);
    world.wires.at(-1)!.says(HELLO);
    expect(world.states.at(-1)).toBe('live');
    expect(world.catchUps).toBe(0);
  });

  it('catches up over REST when the upgrade was refused, or when it is told to', async () => {
    const { world, socket, settle, pass } = machine();
    socket.start();
    await settle();
    world.wires[0]!.onclose?.({ code: 1006 });
    await pass(400);
    expect(world.catchUps).toBe(1);
    world.wires[1]!.says(HELLO);
    world.wires[1]!.onclose?.({ code: 4409 });
    await pass(400);
    expect(world.catchUps).toBe(2);
  });

  it('ends when the person no longer takes part, and stays ended', async () => {
    const { world, socket, live, settle } = machine();
    await live();
    world.wires[0]!.onclose?.({ code: 4403 });
    expect(socket.state).toEqual({ name: 'ended', reason: 'removed' });
    socket.wake();
    await settle();
    expect(world.wires).toHaveLength(1);
  });

  it('ends when somebody deletes the chat, and asks for no ticket then', async () => {
    const { world, socket, live, settle } = machine();
    await live();
    world.wires[0]!.onclose?.({ code: 4410 });
    expect(socket.state).toEqual({ name: 'ended', reason: 'deleted' });
    socket.wake();
    await settle();
    expect(world.wires).toHaveLength(1);
  });

  it('says that the archive is damaged, and goes on trying', async () => {
    const { world, socket, settle, pass } = machine();
    world.ticket = () =>
      Promise.reject(new Refused({ type: 'about:blank', title: 'Damaged', status: 409, code: 'archive_damaged' }));
    socket.start();
    await settle();
    expect(world.states).toEqual(['connecting', 'damaged']);
    world.ticket = () => Promise.resolve('ticket');
    await pass(400);
    world.wires[0]!.says(HELLO);
    expect(world.states.at(-1)).toBe('live');
  });

  it('ends when no ticket is given because the chat is gone', async () => {
    const { world, socket, settle } = machine();
    world.ticket = () =>
      Promise.reject(new Refused({ type: 'about:blank', title: 'Not found', status: 404, code: 'not_found' }));
    socket.start();
    await settle();
    expect(socket.state.name).toBe('ended');
  });

  it('does not try while offline, and does at once when the network is back', async () => {
    const { world, socket, live, settle } = machine();
    await live();
    world.online = false;
    socket.lose();
    expect(world.states.at(-1)).toBe('offline');
    expect(world.wires[0]!.closed).toBe(true);
    expect(world.timers).toEqual([]);
    world.online = true;
    socket.wake();
    await settle();
    expect(world.wires).toHaveLength(2);
  });

  it('gives a silent connection up', async () => {
    const { world, live, pass } = machine();
    await live();
    await pass(25_000);
    expect(world.wires[0]!.sent).toEqual(['ping']);
    await pass(10_000);
    expect(world.states.at(-1)).toBe('waiting');
    expect(world.wires[0]!.closed).toBe(true);
  });

  it('keeps a connection that answers', async () => {
    const { world, live, pass } = machine();
    await live();
    await pass(25_000);
    world.wires[0]!.says('pong');
    expect(world.timers.map((one) => one.ms)).toEqual([25_000]);
    expect(world.states.at(-1)).toBe('live');
  });

  it('does not listen to a connection that it has given up', async () => {
    const { world, socket, live, settle } = machine();
    await live();
    socket.lose();
    socket.wake();
    await settle();
    const frames = world.frames.length;
    world.wires[0]!.says({ type: 'events', events: [] });
    world.wires[0]!.onclose?.({ code: 4403 });
    expect(world.frames).toHaveLength(frames);
    expect(socket.state.name).toBe('connecting');
  });
});
