// Who is writing. Others are believed for a few seconds after each sign of life; one's own is told as rarely as that allows.

const BELIEVED_MS = 7_000;
const TOLD_EVERY_MS = 3_000;

/** Others who write, by when they were last heard of. */
export class Writers {
  #until = new Map<string, number>();

  hear(user: string, active: boolean, now: number): void {
    if (active) this.#until.set(user, now + BELIEVED_MS);
    else this.#until.delete(user);
  }

  at(now: number): string[] {
    return [...this.#until].filter(([, until]) => until > now).map(([user]) => user);
  }

  clear(): void {
    this.#until.clear();
  }
}

/** One's own writing: `true` or `false` to tell, `null` for nothing new. */
export class OwnTyping {
  #toldAt: number | null = null;

  wrote(empty: boolean, now: number): boolean | null {
    if (empty) return this.stop();
    if (this.#toldAt !== null && now - this.#toldAt < TOLD_EVERY_MS) return null;
    this.#toldAt = now;
    return true;
  }

  stop(): false | null {
    if (this.#toldAt === null) return null;
    this.#toldAt = null;
    return false;
  }
}
