import { expect, it } from 'vitest';

import { TERMS, changed, read, typed, warnings } from './keeping.ts';

const terms = (chats: string | null, artifacts: string | null) => {
  const of = (days: string | null) => ({ keep: days === null ? ('ever' as const) : ('days' as const), days: days ?? '' });
  return { ...typed({}), chat_days: of(chats), artifact_days: of(artifacts) };
};
const EVER = { chat_days: null, artifact_days: null, attachment_days: null, turn_days: null, audit_days: null };

it('reads what it wrote', () => {
  for (const retention of [
    EVER,
    { chat_days: 1, artifact_days: 3650, attachment_days: 2, turn_days: 3, audit_days: 90 },
  ]) {
    expect(read(typed(retention))).toEqual({ retention });
  }
  expect(read(typed({}))).toEqual({ retention: EVER });
});

it('takes whole days from one to ten years', () => {
  expect(read(terms(' 30 ', null))).toEqual({ retention: { ...EVER, chat_days: 30 } });
  for (const days of ['', '0', '3651', '1.5', '-3', 'a week']) {
    expect(read(terms(days, null))).toEqual({ wrong: 'chat_days' });
    expect(read(terms('3', days))).toEqual({ wrong: 'artifact_days' });
  }
});

it('takes no fewer than ninety days for the audit log', () => {
  const audit = (days: string) => read({ ...typed({}), audit_days: { keep: 'days', days } });
  expect(audit('89')).toEqual({ wrong: 'audit_days' });
  expect(audit('90')).toEqual({ retention: { ...EVER, audit_days: 90 } });
  expect(read({ ...typed({}), attachment_days: { keep: 'days', days: '1' } })).toEqual({ retention: { ...EVER, attachment_days: 1 } });
});

it('keeps what was typed for days out of what is kept for ever', () => {
  expect(read({ ...terms(null, null), chat_days: { keep: 'ever', days: 'x' } })).toEqual({ retention: EVER });
});

it('knows a change from what only looks like one', () => {
  expect(changed({}, EVER)).toBe(false);
  for (const term of TERMS) expect(changed({}, { ...EVER, [term]: 100 }), term).toBe(true);
  expect(changed({ chat_days: 3 }, { chat_days: null })).toBe(true);
});

it('warns of what becomes shorter, and of nothing else', () => {
  expect(warnings({}, { chat_days: 1, artifact_days: 30 })).toEqual([
    'Chats in which nothing has happened for 1 day are deleted, with their messages, files and sandboxes.',
    'Artifacts that were captured 30 days ago or earlier are deleted.',
  ]);
  expect(warnings({}, { attachment_days: 7, turn_days: 1, audit_days: 90 })).toEqual([
    'Files that came with messages 7 days ago or earlier are deleted; the messages still name them.',
    'What agents did 1 day ago or earlier is taken out of the chats, within a day; their answers stay.',
    'Entries of the audit log from 90 days ago or earlier are deleted.',
  ]);
  expect(warnings({ chat_days: 30, artifact_days: 30 }, { chat_days: 60, artifact_days: null })).toEqual([]);
  expect(warnings({ chat_days: 30 }, { chat_days: 30 })).toEqual([]);
});
