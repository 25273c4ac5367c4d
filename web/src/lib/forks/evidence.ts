// What a summary rests on: `[12]` names the message of the fork whose event has that number.
import type { Message } from '#lib/chat/log.ts';

/** Messages that a summary may rest on. */
export const MOST_EVIDENCE = 20;

export const BLANK_SUMMARY = '## Decision\n\n\n\n## Reasons\n\n\n\n## Open points\n\n';

/** The numbers that a text cites outside code, each once, in their order. Links and task boxes are no citations. */
export function citationsIn(text: string): number[] {
  const prose = text.replace(/(```|~~~)[\s\S]*?(?:\1|$)/g, ' ').replace(/`[^`\n]*`/g, ' ');
  const seqs = new Set<number>();
  for (const [, list] of prose.matchAll(/(?<!\\)\[(\d{1,9}(?:\s*[,;]\s*\d{1,9})*)\](?![(:])/g)) {
    for (const one of (list ?? '').split(/[,;]/)) seqs.add(Number(one));
  }
  return [...seqs];
}

/** The text as it goes into the chat: a citation of the evidence becomes its place in it, 1 first, as it is shown above the
 *  summary; other citations go, for they would lead nowhere. What stands in code stays. */
export function numbered(text: string, evidence: readonly number[]): string {
  const code = /(```|~~~)[\s\S]*?(?:\1|$)|`[^`\n]*`/g;
  const citation = /[ \t]?(?<!\\)\[(\d{1,9}(?:\s*[,;]\s*\d{1,9})*)\](?![(:])/g;
  const inProse = (prose: string) =>
    prose.replace(citation, (whole, list: string) => {
      const places = list.split(/[,;]/).map((one) => evidence.indexOf(Number(one)) + 1);
      const kept = places.filter((place) => place > 0);
      return kept.length > 0 ? `${/^\s/.test(whole) ? whole[0] : ''}[${kept.join(', ')}]` : '';
    });
  let out = '';
  let from = 0;
  for (const found of text.matchAll(code)) {
    out += inProse(text.slice(from, found.index)) + found[0];
    from = found.index + found[0].length;
  }
  return out + inProse(text.slice(from));
}

/** The messages that a text cites, as far as they stand in the fork. */
export function citedIn(text: string, messages: Iterable<Message>): Message[] {
  const bySeq = new Map<number, Message>();
  for (const message of messages) if (!message.deleted) bySeq.set(message.seq, message);
  return citationsIn(text).flatMap((seq) => bySeq.get(seq) ?? []);
}
