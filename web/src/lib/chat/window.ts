// Which rows are drawn: at most `MOST`, around where the reader is. Rows outside stay in memory.

export const MOST = 300;
const STEP = 100;

export interface Range {
  start: number;
  /** Null: up to the newest row, whatever comes. */
  end: number | null;
}

export const TAIL: Range = { start: 0, end: null };

/** The rows to draw of `total`. */
export function drawn(range: Range, total: number): { start: number; end: number } {
  const end = range.end === null ? total : Math.min(range.end, total);
  return { start: Math.max(0, Math.min(range.start, end), end - MOST), end };
}

/** More rows above; those at the far end go when there are too many. */
export function growUp(range: Range, total: number): Range {
  const now = drawn(range, total);
  const start = Math.max(0, now.start - STEP);
  return { start, end: now.end - start > MOST ? start + MOST : range.end };
}

/** More rows below. */
export function growDown(range: Range, total: number): Range {
  const now = drawn(range, total);
  const end = Math.min(total, now.end + STEP);
  return { start: Math.max(now.start, end - MOST), end: end === total ? null : end };
}

/** The same rows after `count` were added in front. */
export function shifted(range: Range, count: number): Range {
  return { start: range.start + count, end: range.end === null ? null : range.end + count };
}

/** A window around row `index`. */
export function around(index: number, total: number): Range {
  const start = Math.max(0, index - MOST / 2);
  const end = start + MOST;
  return { start, end: end >= total ? null : end };
}

/** The same rows although newer ones come: for a reader who does not follow. */
export function held(range: Range, total: number): Range {
  const { start, end: last } = drawn(range, total);
  const end = last === total && last - start < MOST ? null : last;
  return start === range.start && end === range.end ? range : { start, end };
}
