import { expect, it } from 'vitest';

import { changed, read, typed, warnings } from './keeping.ts';

const terms = (chats: string | null, artifacts: string | null) => {
  const of = (days: string | null) => ({ keep: days === null ? ('ever' as const) : ('days' as const), days: days ?? '' });
  return { chat_days: of(chats), artifact_days: of(artifacts) };
};

it('reads what it wrote', () => {
  for (const retention of [
    { chat_days: null, artifact_days: null },
    { chat_days: 1, artifact_days: 3650 },
  ]) {
    expect(read(typed(retention))).toEqual({ retention });
  }
  expect(read(typed({}))).toEqual({ retention: { chat_days: null, artifact_days: null } });
});

it('takes whole days from one to ten years', () => {
  expect(read(terms(' 30 ', null))).toEqual({ retention: { chat_days: 30, artifact_days: null } });
  for (const days of ['', '0', '3651', '1.5', '-3', 'a week']) {
    expect(read(terms(days, null))).toEqual({ wrong: 'chat_days' });
    expect(read(terms('3', days))).toEqual({ wrong: 'artifact_days' });
  }
});

it('keeps what was typed for days out of what is kept for ever', () => {
  expect(read({ ...terms(null, null), chat_days: { keep: 'ever', days: 'x' } })).toEqual({ retention: { chat_days: null, artifact_days: null } });
});

it('knows a change from what only looks like one', () => {
  expect(changed({}, { chat_days: null, artifact_days: null })).toBe(false);
  expect(changed({ chat_days: 3 }, { chat_days: null })).toBe(true);
});

it('warns of what becomes shorter, and of nothing else', () => {
  expect(warnings({}, { chat_days: 1, artifact_days: 30 })).toEqual([
    'Chats in which nothing has happened for 1 day are deleted, with their messages, files and sandboxes.',
    'Artifacts that were captured 30 days ago or earlier are deleted.',
  ]);
  expect(warnings({ chat_days: 30, artifact_days: 30 }, { chat_days: 60, artifact_days: null })).toEqual([]);
  expect(warnings({ chat_days: 30 }, { chat_days: 30 })).toEqual([]);
});
