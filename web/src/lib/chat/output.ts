// What running tool calls write. Pieces carry where they go, as streamed answers do; but what was cut off stays cut off:
// nobody tells it again, and its end is what people look at.

/** More than this is cut off at the front. */
const LONGEST = 128 * 1024;

export interface Tail {
  /** Where `text` begins in all that was written; more than 0 when its beginning is missing. */
  from: number;
  text: string;
}

/** `tail` with `piece` at `offset` (UTF-16 code units); 0 starts over. */
export function written(tail: Tail | undefined, offset: number, piece: string): Tail {
  if (offset === 0 || !tail) return trimmed({ from: offset, text: piece });
  const place = offset - tail.from;
  // The piece does not join what is here: those who come late are told the end alone, with the offsets of the whole.
  if (place > tail.text.length || place < 0) return trimmed({ from: Math.max(0, offset - tail.text.length), text: tail.text + piece });
  return trimmed({ from: tail.from, text: tail.text.slice(0, place) + piece });
}

function trimmed({ from, text }: Tail): Tail {
  const over = text.length - LONGEST;
  if (over <= 0) return { from, text };
  const line = text.indexOf('\n', over);
  const cut = line === -1 ? over : line + 1;
  return { from: from + cut, text: text.slice(cut) };
}

/** Collects pieces of calls and hands them on once a frame, however many came. */
export class Outputs {
  #tails = new Map<string, Tail>();
  #changed = new Set<string>();
  #waiting = false;
  #frame: (run: () => void) => void;
  #commit: (key: string, tail: Tail | undefined) => void;

  constructor(frame: (run: () => void) => void, commit: (key: string, tail: Tail | undefined) => void) {
    this.#frame = frame;
    this.#commit = commit;
  }

  take(turn: string, call: string, offset: number, piece: string): void {
    const key = callKey(turn, call);
    this.#tails.set(key, written(this.#tails.get(key), offset, piece));
    this.#mark(key);
  }

  /** The turn has ended, or starts over. */
  drop(turn: string): void {
    for (const key of [...this.#tails.keys()]) {
      if (!key.startsWith(`${turn}/`)) continue;
      this.#tails.delete(key);
      this.#mark(key);
    }
  }

  #mark(key: string): void {
    this.#changed.add(key);
    if (this.#waiting) return;
    this.#waiting = true;
    this.#frame(() => {
      this.#waiting = false;
      const changed = [...this.#changed];
      this.#changed.clear();
      for (const one of changed) this.#commit(one, this.#tails.get(one));
    });
  }
}

/** A call's name is unique within its turn. */
export const callKey = (turn: string, call: string): string => `${turn}/${call}`;
