// How well a text fits what was typed: every letter in order; starts of words and runs of letters count more.

/** A score above 0 when all letters of `query` occur in `text` in order, else 0. An empty query fits everything. */
export function rank(query: string, text: string): number {
  const wanted = query.toLowerCase().replace(/\s+/g, '');
  const given = text.toLowerCase();
  if (wanted === '') return 1;
  const whole = given.indexOf(query.toLowerCase().trim());
  if (whole !== -1) return (whole === 0 ? 1_000 : isStart(given, whole) ? 800 : 500) - given.length;
  let score = 0;
  let at = -1;
  for (const letter of wanted) {
    const next = given.indexOf(letter, at + 1);
    if (next === -1) return 0;
    score += next === at + 1 ? 8 : isStart(given, next) ? 6 : 1;
    at = next;
  }
  return Math.max(1, score * 2 - given.length / 8);
}

function isStart(text: string, index: number): boolean {
  return index === 0 || /[\s\-_/#@.]/.test(text.charAt(index - 1));
}
