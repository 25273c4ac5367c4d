// Moving things in a list: pure, so that keys and pointers do the same.

/** The list with the item at `from` at the place `to`; places beyond the ends are the ends. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const item = list[from];
  if (item === undefined) return [...list];
  const rest = list.filter((_, index) => index !== from);
  rest.splice(Math.max(0, Math.min(rest.length, to)), 0, item);
  return rest;
}

/** The place over which `y` is, in a list whose items lie one below the other: the last whose middle is not below it. */
export function placeAt(rows: readonly { top: number; bottom: number }[], from: number, y: number): number {
  let to = from;
  while (to > 0 && y < middle(rows[to - 1])) to -= 1;
  while (to < rows.length - 1 && y > middle(rows[to + 1])) to += 1;
  return to;
}

const middle = (row: { top: number; bottom: number } | undefined): number => (row ? (row.top + row.bottom) / 2 : 0);

/** Where a key moves the item at `from`; null for keys that move nothing. */
export function placeByKey(key: string, from: number, count: number): number | null {
  switch (key) {
    case 'ArrowUp':
      return Math.max(0, from - 1);
    case 'ArrowDown':
      return Math.min(count - 1, from + 1);
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}
