// Text of running turns as it streams. Pieces carry where they go; what was cut off by a lost connection shows as a gap.

/** `text` with `piece` at `offset` (UTF-16 code units); null when text before the piece is missing. */
export function place(text: string, offset: number, piece: string): string | null {
  if (offset > text.length) return null;
  return text.slice(0, offset) + piece;
}

/** Collects pieces and hands them on once a frame, however many came. */
export class Streams {
  #texts = new Map<string, string>();
  #changed = new Set<string>();
  #waiting = false;
  #frame: (run: () => void) => void;
  #commit: (turn: string, text: string | undefined) => void;

  constructor(frame: (run: () => void) => void, commit: (turn: string, text: string | undefined) => void) {
    this.#frame = frame;
    this.#commit = commit;
  }

  /** Takes a piece. False: text before it is missing, and the connection should be made anew. */
  take(turn: string, offset: number, piece: string): boolean {
    const next = place(this.#texts.get(turn) ?? '', offset, piece);
    if (next === null) return false;
    this.#texts.set(turn, next);
    this.#mark(turn);
    return true;
  }

  /** The turn has its answer, or starts over. */
  drop(turn: string): void {
    if (this.#texts.delete(turn)) this.#mark(turn);
  }

  #mark(turn: string): void {
    this.#changed.add(turn);
    if (this.#waiting) return;
    this.#waiting = true;
    this.#frame(() => {
      this.#waiting = false;
      const changed = [...this.#changed];
      this.#changed.clear();
      for (const id of changed) this.#commit(id, this.#texts.get(id));
    });
  }
}
