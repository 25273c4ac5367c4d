// What a call can end in besides its answer: a refusal by the server, or no answer at all.
import { words } from '#lib/words.svelte.ts';

import type { Problem, ProblemCode } from './events';

/** The server refused, and said why. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail ?? problem.title);
    this.name = 'Refused';
  }

  get code(): ProblemCode {
    return this.problem.code;
  }
}

/** No answer came: offline, cut, or too slow. */
export class Unreachable extends Error {
  constructor(cause?: unknown) {
    super('Slipway cannot be reached right now.', { cause });
    this.name = 'Unreachable';
  }
}

/** Whether `error` is a refusal with one of `codes`. */
export function refusedWith(error: unknown, ...codes: ProblemCode[]): error is Refused {
  return error instanceof Refused && codes.includes(error.code);
}

/** One sentence for people. */
export function explain(error: unknown): string {
  if (error instanceof Unreachable) return error.message;
  if (!(error instanceof Refused)) return 'Something went wrong in this page. Reload it and try again.';
  const { code, detail, title, retry_after_s } = error.problem;
  switch (code) {
    case 'rate_limited':
      return `Too many attempts. Try again in ${wait(retry_after_s)}.`;
    case 'unavailable':
      return `This part of Slipway is not available right now. Try again in ${wait(retry_after_s)}.`;
    case 'wrong_credentials':
      return 'That address and password do not match.';
    case 'email_taken':
      return 'There is an account with this address already. Sign in instead.';
    case 'session_ended':
    case 'unauthenticated':
      return 'Your session has ended. Sign in again.';
    case 'not_found':
      return 'It is not there, or you may not see it.';
    case 'forbidden':
      return sentence(detail ?? 'You may not do this here.');
    case 'internal':
      return `Something went wrong on our side.${reference(error.problem)}`;
    case 'fork_ended':
    case 'fork_nested':
    case 'limit_reached':
      return words.in(sentence(detail ?? title));
    default:
      return sentence(detail ?? title);
  }
}

/** The request's id, for a support question. */
function reference(problem: Problem): string {
  return problem.request_id ? ` Reference: ${problem.request_id}.` : '';
}

function wait(seconds = 5): string {
  return seconds < 90 ? `${seconds} second${seconds === 1 ? '' : 's'}` : `${Math.ceil(seconds / 60)} minutes`;
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
