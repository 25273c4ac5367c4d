// What a receipt says, ordered for the eye: one group for each kind of part, with its share of the bar.
import type { Receipt, ReceiptKind, ReceiptPart } from '#lib/api/events.ts';

export interface Group {
  kind: ReceiptKind;
  tokens: number;
  parts: ReceiptPart[];
  /** Of the bar, 0 to 1. The bar stands for the budget, or for what was given where that is more. */
  share: number;
}

/** The groups, in the order in which their first part was given. */
export function groupsOf(receipt: Receipt): Group[] {
  const whole = Math.max(receipt.budget, receipt.tokens, 1);
  const groups = new Map<ReceiptKind, Group>();
  for (const part of receipt.parts) {
    const group = groups.get(part.kind) ?? { kind: part.kind, tokens: 0, parts: [], share: 0 };
    group.tokens += part.tokens;
    group.parts.push(part);
    group.share = group.tokens / whole;
    groups.set(part.kind, group);
  }
  return [...groups.values()];
}

const NAMES: Record<ReceiptKind, [one: string, many: string]> = {
  instructions: ['Instructions and tools', 'Instructions and tools'],
  summary: ['Summary of what came before', 'Summaries of what came before'],
  pin: ['Pinned message', 'Pinned messages'],
  fork: ['Settled side discussion', 'Settled side discussions'],
  item: ['Context item', 'Context items'],
  message: ['Recent message', 'Recent messages'],
  file: ['File', 'Files'],
  steps: ['What its tools answered', 'What its tools answered'],
};

/** A group in words; a kind that is newer than this page goes by its own name. */
export function nameOf({ kind, parts }: Pick<Group, 'kind' | 'parts'>): string {
  const names = (NAMES as Partial<Record<string, [string, string]>>)[kind];
  if (!names) return kind;
  return parts.length === 1 || names[0] === names[1] ? names[0] : `${parts.length} ${names[1].charAt(0).toLowerCase()}${names[1].slice(1)}`;
}
