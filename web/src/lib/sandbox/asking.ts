// The name of a request that must not be made twice: the same until somebody answered it, or until it asks for something else.
import { Refused } from '#lib/api/problem.ts';

export class Asking {
  #fresh: () => string;
  #last: { body: string; id: string } | null = null;

  constructor(fresh: () => string) {
    this.#fresh = fresh;
  }

  /** The name to send with `body`. */
  idFor(body: unknown): string {
    const text = JSON.stringify(body);
    if (this.#last?.body !== text) this.#last = { body: text, id: this.#fresh() };
    return this.#last.id;
  }

  /** It was answered: what comes next is another request. */
  done(): void {
    this.#last = null;
  }

  /** It failed. Without an answer, or with one of a server in trouble, it may have been heard all the same. */
  failed(error: unknown): void {
    if (error instanceof Refused && error.problem.status < 500) this.done();
  }
}
