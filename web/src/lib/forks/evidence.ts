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

/** The messages that a text cites, as far as they stand in the fork. */
export function citedIn(text: string, messages: Iterable<Message>): Message[] {
  const bySeq = new Map<number, Message>();
  for (const message of messages) if (!message.deleted) bySeq.set(message.seq, message);
  return citationsIn(text).flatMap((seq) => bySeq.get(seq) ?? []);
}
