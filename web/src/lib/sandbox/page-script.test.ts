// The script that the gateway puts into a page, run as a page would: what it tells is what the preview's console hears.
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';

import { PageConsole } from './console.svelte.ts';

const SCRIPT = readFileSync(new URL('../../../../workers/gateway/src/console.js', import.meta.url), 'utf8');
const APP = 'https://slipway.example.com';

/** A page with as much of a browser as the script asks for. `below` says how many frames are between it and the app. */
function page({ below = 1 } = {}) {
  const told: { message: unknown; origin: string }[] = [];
  const printed: unknown[][] = [];
  const heard: Record<string, (event: unknown) => void> = {};
  const timers: (() => void)[] = [];
  const app = { postMessage: (message: unknown, origin: string) => told.push({ message: structuredClone(message), origin }) };
  const window: Record<string, unknown> = {
    addEventListener: (type: string, run: (event: unknown) => void) => (heard[type] = run),
    setTimeout: (run: () => void) => timers.push(run),
  };
  window.parent = below === 0 ? window : below === 1 ? app : { postMessage: app.postMessage };
  window.top = below === 0 ? window : app;
  const element = { dataset: { app: APP }, removed: false, remove: () => (element.removed = true) };
  const world = {
    window,
    document: { currentScript: element },
    location: { origin: 'https://8000-ab.preview.example.com', pathname: '/shop' },
    console: { error: (...values: unknown[]) => printed.push(values), warn: (...values: unknown[]) => printed.push(values) },
  };
  const run = (code: string): unknown => runInNewContext(code, world);
  run('class Element {} class ErrorEvent {} globalThis.Element = Element; globalThis.ErrorEvent = ErrorEvent;');
  run(SCRIPT);
  const ear = new PageConsole();
  return {
    told,
    printed,
    element,
    run,
    fire: (type: string, make: string) => heard[type]?.(run(make)),
    wait: () => timers.splice(0).forEach((timer) => timer()),
    ear: (): PageConsole => {
      for (const { message } of told.splice(0)) expect(ear.hear(message)).toBe(true);
      return ear;
    },
    texts: (): string[] => told.map(({ message }) => (message as { text?: string }).text ?? '').filter((text) => text !== ''),
  };
}

describe('the script in a page', () => {
  it('says that it is there, to the app alone, and leaves no trace of itself', () => {
    const { told, element, ear } = page();
    expect(told).toEqual([{ message: { slipway: 'console', type: 'ready', path: '/shop' }, origin: APP }]);
    expect(element.removed).toBe(true);
    expect(ear().hears).toBe(true);
  });

  it('is silent in a tab of its own, and in a frame within the page', () => {
    for (const below of [0, 2]) {
      const one = page({ below });
      one.run('console.error("x")');
      expect([one.told.length, one.printed.length]).toEqual([0, 1]);
    }
  });

  it('tells errors and warnings, which are printed all the same', () => {
    const one = page();
    one.run('console.error("%s is %d of %o %c%%", "one", 2, { three: 3 }, "color: red", "rest"); console.warn("careful", [1, "a"], null, undefined)');
    expect(one.printed).toHaveLength(2);
    expect(one.ear().findings.map(({ level, kind, text }) => [level, kind, text])).toEqual([
      ['error', 'console', 'one is 2 of {three: 3} % rest'],
      ['warning', 'console', 'careful [1, "a"] null undefined'],
    ]);
  });

  it('tells what was not caught, not kept and not loaded, and where', () => {
    const one = page();
    one.fire(
      'error',
      `Object.assign(new ErrorEvent(), { message: 'Uncaught Error: no', filename: 'https://8000-ab.preview.example.com/main.js', lineno: 12, colno: 5 })`,
    );
    one.fire('unhandledrejection', `({ reason: Object.assign(new Error('gone'), { stack: 'Error: gone\\n  at https://cdn.example.com/a.js:3:4' }) })`);
    one.fire('error', `({ target: Object.assign(new Element(), { localName: 'img', src: 'https://8000-ab.preview.example.com/no.png' }) })`);
    one.fire('unhandledrejection', `({ reason: undefined })`);
    expect(one.ear().findings.map(({ kind, text, source, line, column }) => [kind, text, source, line, column])).toEqual([
      ['uncaught', 'Uncaught Error: no', '/main.js', 12, 5],
      ['rejection', 'Error: gone\n  at https://cdn.example.com/a.js:3:4', 'https://cdn.example.com/a.js', 3, 4],
      ['resource', '<img> did not load: /no.png', '', 0, 0],
      ['rejection', 'undefined', '', 0, 0],
    ]);
  });

  it('is not broken by what it is shown, and calls nothing of it', () => {
    const one = page();
    one.run(`
      globalThis.called = 0;
      const round = { name: 'round' }; round.self = round;
      console.error(round);
      console.error({ get secret() { called += 1; return 1; } });
      console.error(Object.create(null), Symbol('s'), 10n, () => 1, new Proxy({}, { ownKeys() { throw new Error('no'); } }));
      console.error(new Proxy({}, { getOwnPropertyDescriptor() { console.error('again'); } , ownKeys() { console.error('again'); return []; } }));
      console.error({ toString() { throw new Error('no'); } });
      console.error(Array.from({ length: 1000 }, (_, at) => at));
    `);
    expect(one.run('called')).toBe(0);
    // What cannot be looked at is printed and not told.
    const texts = one.texts();
    expect(texts).toContain('{name: "round", self: {name: "round", self: {name: "round", self: {…}}}}');
    expect(texts).toContain('{secret: …}');
    expect(texts).toContain('[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …]');
    expect(texts.join()).not.toContain('again');
  });

  it('tells fifty, each cut to size, and then only how many more', () => {
    const one = page();
    one.run('for (let at = 0; at < 75; at += 1) console.error(`${at} ${"x".repeat(5000)}`)');
    const lengths = one.texts().map((text) => text.length);
    expect([lengths.length, Math.max(...lengths)]).toEqual([50, 2_000]);
    one.wait();
    one.run('console.error("more")');
    one.wait();
    expect(one.ear().more).toBe(26);
    expect(one.printed).toHaveLength(76);
  });
});
