// How long the org keeps things, between what is typed and what is saved.
import type { Retention } from '#lib/api/resources.ts';

export const DAYS_MOST = 3_650;

export type Term = keyof Retention;
export const TERMS = ['chat_days', 'artifact_days'] as const satisfies readonly Term[];

/** A term as it is typed. */
export interface Typed {
  keep: 'ever' | 'days';
  days: string;
}

export type TypedTerms = Record<Term, Typed>;

export function typed(stands: Retention): TypedTerms {
  const of = (days: number | null | undefined): Typed => ({ keep: days == null ? 'ever' : 'days', days: days == null ? '' : String(days) });
  return { chat_days: of(stands.chat_days), artifact_days: of(stands.artifact_days) };
}

/** What was typed, or the first term that does not fit. */
export function read(terms: TypedTerms): { retention: Required<Retention> } | { wrong: Term } {
  const retention: Required<Retention> = { chat_days: null, artifact_days: null };
  for (const term of TERMS) {
    const { keep, days } = terms[term];
    if (keep === 'ever') continue;
    const count = /^\s*\d+\s*$/.test(days) ? Number(days) : 0;
    if (count < 1 || count > DAYS_MOST) return { wrong: term };
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
  const [chats, artifacts] = [shorter('chat_days'), shorter('artifact_days')];
  return [
    ...(chats === null ? [] : [`Chats in which nothing has happened for ${inDays(chats)} are deleted, with their messages, files and sandboxes.`]),
    ...(artifacts === null ? [] : [`Artifacts that were captured ${inDays(artifacts)} ago or earlier are deleted.`]),
  ];
}
