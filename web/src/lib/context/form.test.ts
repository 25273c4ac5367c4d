import { describe, expect, it } from 'vitest';

import type { ContextItem } from '#lib/api/resources.ts';

import { type Form, blank, changeOf, expiryOf, faultsOf, formOf, isDirty, meet, tagsIn } from './form.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');

const ITEM: ContextItem = {
  id: 'ctx_1',
  org: 'org_1',
  scope: 'chat',
  state: 'active',
  title: 'Deploys',
  text: 'On Tuesdays.',
  tags: ['release', 'ops'],
  created_by: { kind: 'user', id: 'user_ada' },
  created_at: '2026-11-20T08:00:00Z',
  version: 3,
};

const written = (change: Partial<Form>): Form => ({ ...blank('chat'), title: 'T', text: 'x', ...change });

it('reads tags as they are typed', () => {
  expect(tagsIn(' Release, #ops;ops\n two  words ,,')).toEqual(['release', 'ops', 'two words']);
  expect(tagsIn('')).toEqual([]);
});

describe('what is wrong with an item', () => {
  it.each([
    ['no title', { title: '  ' }, ['title']],
    ['a title that is too long', { title: 'ä'.repeat(121) }, ['title']],
    ['the longest title', { title: 'ä'.repeat(120) }, []],
    ['no text', { text: '\n' }, ['text']],
    ['a text with more bytes than there may be', { text: 'ä'.repeat(8 * 1024 + 1) }, ['text']],
    ['the longest text', { text: 'ä'.repeat(8 * 1024) }, []],
    ['too many tags', { tags: 'a,b,c,d,e,f,g,h,i,j,k' }, ['tags']],
    ['a tag that is too long', { tags: 'x'.repeat(41) }, ['tags']],
    ['a day that is over', { expires: '2026-11-19' }, ['expires']],
    ['a day to come', { expires: '2026-12-24' }, []],
  ] as [string, Partial<Form>, string[]][])('%s', (_what, change, wrong) => {
    expect(Object.keys(faultsOf(written(change), NOW))).toEqual(wrong);
  });
});

it('lets what is over be changed, but not become over', () => {
  const old = formOf({ ...ITEM, expires_at: expiryOf({ expires: '2026-11-01' }) });
  expect(faultsOf({ ...old, title: 'Still true' }, NOW, old)).toEqual({});
  expect(Object.keys(faultsOf({ ...old, expires: '2026-11-02' }, NOW, old))).toEqual(['expires']);
});

it('gives an item until the end of its last day, and shows that day again', () => {
  const until = expiryOf({ expires: '2026-12-24' });
  expect(new Date(until ?? '').getHours()).toBe(23);
  expect(formOf({ ...ITEM, expires_at: until }).expires).toBe('2026-12-24');
  expect(expiryOf({ expires: '' })).toBeNull();
});

describe('a change', () => {
  it('has what was changed, and the version that it was made to', () => {
    const form = formOf(ITEM);
    expect(changeOf(ITEM, form)).toBeNull();
    expect(isDirty(form, { ...form, tags: 'release , OPS' })).toBe(false);
    expect(changeOf(ITEM, { ...form, title: ' Deploy days ', tags: 'release' })).toEqual({ version: 3, title: 'Deploy days', tags: ['release'] });
    expect(changeOf(ITEM, { ...form, text: 'On Mondays.' })).toEqual({ version: 3, text: 'On Mondays.' });
  });

  it('takes a last day back', () => {
    const item = { ...ITEM, expires_at: expiryOf({ expires: '2026-12-24' }) };
    expect(changeOf(item, { ...formOf(item), expires: '' })).toEqual({ version: 3, expires_at: null });
  });
});

describe('two who change the same item', () => {
  const theirs = { ...ITEM, version: 4, text: 'On Thursdays.', tags: ['release'] };

  it('get along where they changed different fields', () => {
    const met = meet(ITEM, theirs, { ...formOf(ITEM), title: 'Deploy days' });
    expect(met.both).toEqual([]);
    expect(changeOf(theirs, met.form)).toEqual({ version: 4, title: 'Deploy days' });
  });

  it('are asked about the fields that both changed, and nothing of either is lost', () => {
    const met = meet(ITEM, theirs, { ...formOf(ITEM), text: 'On Mondays.' });
    expect(met.both).toEqual(['text']);
    expect(met.form.text).toBe('On Mondays.');
    expect(met.form.tags).toBe('release');
    expect(changeOf(theirs, met.form)).toEqual({ version: 4, text: 'On Mondays.' });
  });

  it('are not asked where both wrote the same', () => {
    const met = meet(ITEM, theirs, { ...formOf(ITEM), text: 'On Thursdays.' });
    expect(met.both).toEqual([]);
    expect(changeOf(theirs, met.form)).toBeNull();
  });
});
