// The forks of a chat as its log tells of them. A fork that was described by the server counts only what came after that
// description; one whose beginning is in the window counts all of it. Views are never changed in place.
import type { Actor, Event } from '#lib/api/events.ts';
import type { Fork, ForkState } from '#lib/api/resources.ts';

export interface Settlement {
  /** The summary, a message of the chat itself. */
  message: string;
  draft?: string | undefined;
  evidence: string[];
  by: Actor;
  at: string;
}

export interface ForkView {
  id: string;
  /** The message that it began from. */
  message: string;
  description: string;
  state: ForkState;
  by: Actor;
  at: string;
  count: number;
  lastAt: string;
  /** Who wrote in it, each once. */
  people: string[];
  /** The turn that drafts its summary now. */
  drafting?: string | undefined;
  draft?: string | undefined;
  /** The last turn that should have drafted ended without a draft. */
  draftFailed: boolean;
  settlement?: Settlement | undefined;
}

/** A message's, turn's or fork's id ends in the hexadecimal number of its event. */
export const seqIn = (id: string): number => Number.parseInt(id.slice(id.indexOf('_') + 33), 16);

export function viewOf(fork: Fork): ForkView {
  return {
    id: fork.id,
    message: fork.message,
    description: fork.description,
    state: fork.state,
    by: fork.created_by as Actor,
    at: fork.created_at,
    count: fork.message_count,
    lastAt: fork.last_message_at,
    people: fork.participants.map((one) => one.id),
    drafting: fork.drafting ?? undefined,
    draft: fork.draft ?? undefined,
    draftFailed: false,
    settlement: fork.resolution
      ? { ...fork.resolution, by: fork.resolution.by as Actor, draft: fork.resolution.draft ?? undefined }
      : undefined,
  };
}

export class Forks {
  views = new Map<string, ForkView>();
  /** Forks by the message that they began from. */
  from = new Map<string, ForkView[]>();
  /** Forks by their summary. */
  settledBy = new Map<string, ForkView>();
  /** Up to which event a view is whole. */
  #asOf = new Map<string, number>();

  /** A fork as the server described it when the newest event was `seq`. */
  take(fork: Fork, seq: number): void {
    const known = this.#asOf.get(fork.id);
    if (known !== undefined && known > seq) return;
    const before = this.views.get(fork.id);
    // An end that was seen stays: the description may have been on its way meanwhile.
    if (before && before.state !== 'open' && fork.state === 'open') return;
    this.#asOf.set(fork.id, seq);
    this.#put({ ...viewOf(fork), draftFailed: before?.draftFailed === true && !fork.drafting });
  }

  fold(event: Event): void {
    switch (event.type) {
      case 'fork.created':
        if (this.views.has(event.fork)) break;
        this.#asOf.set(event.fork, event.seq);
        this.#put({
          id: event.fork,
          message: event.message,
          description: event.description,
          state: 'open',
          by: event.actor,
          at: event.at,
          count: 0,
          lastAt: event.at,
          people: [],
          draftFailed: false,
        });
        break;
      case 'message.posted': {
        if (!event.fork) break;
        const author = event.actor.kind === 'system' ? 'system' : event.actor.id;
        this.#change(event.fork, event.seq, (view) => ({
          ...view,
          count: view.count + 1,
          lastAt: event.at,
          people: view.people.includes(author) ? view.people : [...view.people, author],
          ...(event.turn && event.turn === view.drafting
            ? { drafting: undefined, draft: event.message, draftFailed: false }
            : {}),
        }));
        break;
      }
      case 'turn.queued':
        if (event.fork && event.draft) {
          this.#change(event.fork, event.seq, (view) => ({ ...view, drafting: event.turn, draftFailed: false }));
        }
        break;
      case 'turn.failed':
      case 'turn.cancelled':
        for (const view of this.views.values()) {
          if (view.drafting !== event.turn) continue;
          this.#change(view.id, event.seq, (one) => ({ ...one, drafting: undefined, draftFailed: true }));
        }
        break;
      case 'fork.resolved':
        this.#change(event.fork, event.seq, (view) => ({
          ...view,
          state: 'resolved',
          drafting: undefined,
          settlement: { message: event.message, draft: event.draft, evidence: event.evidence, by: event.actor, at: event.at },
        }));
        break;
      case 'fork.abandoned':
        this.#change(event.fork, event.seq, (view) => ({ ...view, state: 'abandoned', drafting: undefined }));
        break;
      default:
        break;
    }
  }

  /** Forks that are open, the oldest first. */
  get open(): ForkView[] {
    return [...this.views.values()].filter((view) => view.state === 'open');
  }

  #change(id: string, seq: number, change: (view: ForkView) => ForkView): void {
    const view = this.views.get(id);
    if (view && seq > (this.#asOf.get(id) ?? 0)) this.#put(change(view));
  }

  #put(view: ForkView): void {
    const others = (this.from.get(view.message) ?? []).filter((one) => one.id !== view.id);
    this.views.set(view.id, view);
    this.from.set(view.message, [...others, view].sort((one, other) => seqIn(one.id) - seqIn(other.id)));
    if (view.settlement) this.settledBy.set(view.settlement.message, view);
  }
}
