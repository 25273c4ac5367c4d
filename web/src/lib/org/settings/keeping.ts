// How long the org keeps things, between what is typed and what is saved.
import type { Retention } from '#lib/api/resources.ts';

export const DAYS_MOST = 3_650;

export type Term = keyof Retention;
export const TERMS = ['chat_days', 'artifact_days', 'attachment_days', 'turn_days', 'audit_days'] as const satisfies readonly Term[];

/** Fewest days of a term: what happened in an org is to be found out about for a while. */
export const daysLeast = (term: Term): number => (term === 'audit_days' ? 90 : 1);

/** A term as it is typed. */
export interface Typed {
  keep: 'ever' | 'days';
  days: string;
}

export type TypedTerms = Record<Term, Typed>;

export function typed(stands: Retention): TypedTerms {
  const of = (days: number | null | undefined): Typed => ({ keep: days == null ? 'ever' : 'days', days: days == null ? '' : String(days) });
  return {
    chat_days: of(stands.chat_days),
    artifact_days: of(stands.artifact_days),
    attachment_days: of(stands.attachment_days),
    turn_days: of(stands.turn_days),
    audit_days: of(stands.audit_days),
  };
}

/** What was typed, or the first term that does not fit. */
export function read(terms: TypedTerms): { retention: Required<Retention> } | { wrong: Term } {
  const retention: Required<Retention> = { chat_days: null, artifact_days: null, attachment_days: null, turn_days: null, audit_days: null };
  for (const term of TERMS) {
    const { keep, days } = terms[term];
    if (keep === 'ever') continue;
    const count = /^\s*\d+\s*$/.test(days) ? Number(days) : 0;
    if (count < daysLeast(term) || count > DAYS_MOST) return { wrong: term };
    retention[term] = count;
  }
  return { retention };
}

const same = (one: number | null | undefined, other: number | null | undefined): boolean => (one ?? null) === (other ?? null);

export const changed = (stands: Retention, wanted: Retention): boolean => TERMS.some((term) => !same(stands[term], wanted[term]));

const inDays = (days: number): string => (days === 1 ? '1 day' : `${days} days`);

/** What goes soon after that is saved, one sentence for each term that becomes shorter. */
export function warnings(stands: Retention, wanted: Retention): string[] {
  const shorter = (term: Term): number | null => {
    const days = wanted[term] ?? null;
    return days !== null && days < (stands[term] ?? Infinity) ? days : null;
  };
  const [chats, artifacts, files, turns, audit] = [
    shorter('chat_days'),
    shorter('artifact_days'),
    shorter('attachment_days'),
    shorter('turn_days'),
    shorter('audit_days'),
  ];
  return [
    ...(chats === null ? [] : [`Chats in which nothing has happened for ${inDays(chats)} are deleted, with their messages, files and sandboxes.`]),
    ...(artifacts === null ? [] : [`Artifacts that were captured ${inDays(artifacts)} ago or earlier are deleted.`]),
    ...(files === null ? [] : [`Files that came with messages ${inDays(files)} ago or earlier are deleted; the messages still name them.`]),
    ...(turns === null ? [] : [`What agents did ${inDays(turns)} ago or earlier is taken out of the chats, within a day; their answers stay.`]),
    ...(audit === null ? [] : [`Entries of the audit log from ${inDays(audit)} ago or earlier are deleted.`]),
  ];
}
