import { describe, expect, it } from 'vitest';

import { Drafts } from './drafts.ts';
import { OwnTyping, Writers } from './typing.ts';
import { MOST, TAIL, around, drawn, growDown, growUp, held, shifted } from './window.ts';
import { fits, mentionsIn, sends, wantedAt } from './writing.ts';

describe('drafts', () => {
  const storage = () => {
    const map = new Map<string, string>();
    return {
      map,
      getItem: (key: string) => map.get(key) ?? null,
      setItem: (key: string, value: string) => void map.set(key, value),
      removeItem: (key: string) => void map.delete(key),
    };
  };

  it('are kept per person and chat', () => {
    const keep = storage();
    new Drafts(keep, 'ada').write('one', { text: 'half a', replyTo: 'm1' });
    expect(new Drafts(keep, 'ada').read('one')).toEqual({ text: 'half a', replyTo: 'm1' });
    expect(new Drafts(keep, 'ada').read('two').text).toBe('');
    expect(new Drafts(keep, 'grace').read('one').text).toBe('');
  });

  it('leave nothing behind when they are empty, and survive storage that is full', () => {
    const keep = storage();
    const drafts = new Drafts(keep, 'ada');
    drafts.write('one', { text: 'x' });
    drafts.write('one', { text: '' });
    expect(keep.map.size).toBe(0);
    keep.setItem = () => {
      throw new Error('full');
    };
    expect(() => drafts.write('one', { text: 'x' })).not.toThrow();
  });
});

describe('typing', () => {
  it('is believed for seven seconds after each sign of life', () => {
    const writers = new Writers();
    writers.hear('grace', true, 0);
    expect(writers.at(6_999)).toEqual(['grace']);
    expect(writers.at(7_000)).toEqual([]);
    writers.hear('grace', true, 8_000);
    writers.hear('grace', false, 8_001);
    expect(writers.at(8_001)).toEqual([]);
  });

  it('is told every three seconds, and its end once', () => {
    const own = new OwnTyping();
    expect([0, 1_000, 3_000].map((now) => own.wrote(false, now))).toEqual([true, null, true]);
    expect([own.wrote(true, 3_100), own.stop()]).toEqual([false, null]);
  });
});

describe('the rows that are drawn', () => {
  it('are the last ones, and never more than there is room for', () => {
    expect(drawn(TAIL, 20)).toEqual({ start: 0, end: 20 });
    expect(drawn(TAIL, 1_000)).toEqual({ start: 700, end: 1_000 });
  });

  it('move up and down within the limit, and follow again at the end', () => {
    let range = TAIL;
    for (let step = 0; step < 20; step += 1) {
      range = growUp(range, 1_000);
      const { start, end } = drawn(range, 1_000);
      expect(end - start).toBeLessThanOrEqual(MOST);
    }
    expect(drawn(range, 1_000).start).toBe(0);
    for (let step = 0; step < 20; step += 1) range = growDown(range, 1_000);
    expect(drawn(range, 1_000)).toEqual({ start: 700, end: 1_000 });
    expect(range.end).toBeNull();
  });

  it('stay the same rows when older ones are added in front or newer ones behind', () => {
    expect(drawn(shifted({ start: 10, end: 60 }, 50), 200)).toEqual({ start: 60, end: 110 });
    const reader = held({ start: 0, end: null }, 300);
    expect(drawn(reader, 310)).toEqual({ start: 0, end: 300 });
    expect(held(reader, 310)).toBe(reader);
  });

  it('stand around a row that is jumped to', () => {
    expect(drawn(around(500, 1_000), 1_000)).toEqual({ start: 350, end: 650 });
    expect(around(990, 1_000).end).toBeNull();
  });
});

describe('writing', () => {
  const press = (key: string, more: Partial<KeyboardEvent> = {}) =>
    ({ key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, isComposing: false, keyCode: 13, ...more }) as KeyboardEvent;

  it('sends with Enter, or with Ctrl and Enter, as it is set', () => {
    expect(sends(press('Enter'), 'enter')).toBe(true);
    expect(sends(press('Enter', { shiftKey: true }), 'enter')).toBe(false);
    expect(sends(press('Enter'), 'mod-enter')).toBe(false);
    expect(sends(press('Enter', { ctrlKey: true }), 'mod-enter')).toBe(true);
  });

  it('never sends while an input method composes', () => {
    expect(sends(press('Enter', { isComposing: true }), 'enter')).toBe(false);
    expect(sends(press('Enter', { keyCode: 229 }), 'enter')).toBe(false);
  });

  it('knows what before the caret can be completed', () => {
    expect(wantedAt('hi @de', 6)).toEqual({ kind: 'mention', query: 'de', start: 3 });
    expect(wantedAt('@', 1)).toEqual({ kind: 'mention', query: '', start: 0 });
    expect(wantedAt('mail@de', 7)).toBeNull();
    expect(wantedAt('nice :tad', 9)).toEqual({ kind: 'emoji', query: 'tad', start: 5 });
    expect(wantedAt('at 10:30', 8)).toBeNull();
  });

  it('reads mentions as the server does: once each, none in code, none in addresses', () => {
    expect(mentionsIn('@demo and @demo, ask @code-review- too')).toEqual(['demo', 'code-review']);
    expect(mentionsIn('mail me@demo, `@inline` or\n```\n@fenced\n```')).toEqual([]);
  });

  it('measures a message in bytes', () => {
    expect(fits('é'.repeat(32_768))).toBe(true);
    expect(fits('é'.repeat(32_769))).toBe(false);
  });
});
