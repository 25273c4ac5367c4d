// Questions that people answer, folded from the log's events. A question asked before the window is known from what the
// chat says of itself; otherwise its answers change nothing until the window reaches it.
//
// Folded values are never changed in place.
import type { Actor, ApprovalOption, ApprovalState, Event } from '#lib/api/events.ts';
import type { Approval, ApprovalAsk } from '#lib/api/resources.ts';

export interface Answer {
  user: string;
  approve: boolean;
  option?: ApprovalOption | undefined;
  reason?: string | undefined;
}

/** A question as it is drawn, whether it came from the log or from a list. */
export interface Question {
  id: string;
  at: string;
  askedBy: Actor;
  /** The person who caused it, if any did. */
  user: string | null;
  turn?: string | undefined;
  call?: string | undefined;
  ask: ApprovalAsk;
  state: ApprovalState;
  expiresAt: string;
  answers: Answer[];
  endedAt?: string | undefined;
  /** Who decided last. */
  endedBy?: Actor | undefined;
  /** What came of it once it was approved. */
  outcome?: { done: boolean; detail: string; at: string } | undefined;
}

type ApprovalEvent = Extract<Event, { type: `approval.${string}` }>;

/** What `event` makes of the question it is about; undefined when that question is not known. */
export function folded(before: Question | undefined, event: ApprovalEvent): Question | undefined {
  if (event.type === 'approval.requested') {
    return {
      id: event.approval,
      at: event.at,
      askedBy: event.actor,
      user: event.user ?? null,
      turn: event.turn,
      call: event.call,
      ask: event.ask,
      state: 'open',
      expiresAt: event.expires_at,
      answers: [],
    };
  }
  if (!before) return undefined;
  switch (event.type) {
    case 'approval.voted': {
      if (event.actor.kind !== 'user') return before;
      const user = event.actor.id;
      const answer: Answer = { user, approve: event.approve, option: event.option, reason: event.reason };
      return { ...before, answers: [...before.answers.filter((one) => one.user !== user), answer] };
    }
    case 'approval.closed':
      return { ...before, state: event.state, endedAt: event.at, endedBy: event.actor };
    case 'approval.carried_out':
      return { ...before, outcome: { done: event.done, detail: event.detail, at: event.at } };
  }
}

/** A question as a list or the chat's description tells it. */
export const fromList = (approval: Approval): Question => ({
  id: approval.id,
  at: approval.asked_at,
  askedBy: approval.asked_by,
  user: approval.user ?? null,
  turn: approval.turn ?? undefined,
  ask: approval.ask,
  state: approval.state,
  expiresAt: approval.expires_at,
  answers: approval.votes.map(({ user, approve }) => ({ user, approve })),
});

/** Its turn waits for it: nobody has decided, or what was approved is being carried out. */
export const holdsTurn = (question: Question): boolean =>
  question.state === 'open' || (question.state === 'approved' && !question.outcome);

/** The place of a question's event in the log, which its id ends in. */
export const seqOf = (id: string): number => Number.parseInt(id.slice('appr_'.length + 32), 16);
