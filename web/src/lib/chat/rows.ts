// The rows of a chat, top to bottom: days, the unread line, messages in groups, happenings, notices, ended turns. Pure: the same log
// gives the same rows, with the same keys.
import { dayKey } from '#lib/moments.ts';

import type { ForkView } from './forks.ts';
import { type ChatLog, type Happening, type Message, type NoticeEvent, type SandboxNews, type Turn, keyOf } from './log.ts';

export type Row =
  | { kind: 'day'; key: string; at: string }
  | { kind: 'unread'; key: string }
  | {
      kind: 'message';
      key: string;
      message: Message;
      turn: Turn | undefined;
      grouped: boolean;
      quotes: boolean;
      /** The forks that began from it. */
      forks: readonly ForkView[] | undefined;
      /** The fork whose summary it is. */
      settles: ForkView | undefined;
    }
  | { kind: 'notices'; key: string; events: NoticeEvent[] }
  | { kind: 'happening'; key: string; event: Happening; news: SandboxNews | undefined }
  | { kind: 'turn'; key: string; turn: Turn }
  /** Where the summary of what came before was brought up to date. */
  | { kind: 'summary'; key: string; turn: Turn };

/** Messages of one author within this time stand under one name. */
const GROUP_MS = 5 * 60_000;

export function rowsOf(log: ChatLog, unreadFrom: string | null): Row[] {
  const rows: Row[] = [];
  let day = '';
  /** The message right above, if the next one may join it. */
  let above: Message | null = null;
  /** The message before, whatever stands between. */
  let before: string | undefined;

  for (const entry of log.entries) {
    const turn = entry.kind === 'turn' || entry.kind === 'summary' ? log.turns.get(entry.id) : undefined;
    const message = entry.kind === 'message' ? log.messages.get(entry.id) : undefined;
    const at = message?.at ?? turn?.endedAt ?? ('event' in entry ? entry.event.at : '');
    if (at !== '' && dayKey(at) !== day) {
      day = dayKey(at);
      rows.push({ kind: 'day', key: `day-${day}`, at });
      above = null;
    }
    if (message) {
      if (message.id === unreadFrom) {
        rows.push({ kind: 'unread', key: 'unread' });
        above = null;
      }
      const settles = log.scope === undefined ? log.forks.settledBy.get(message.id) : undefined;
      const forks = log.scope === undefined ? log.forks.from.get(message.id) : undefined;
      const grouped =
        above !== null &&
        !settles &&
        !message.replyTo &&
        keyOf(above.author) === keyOf(message.author) &&
        Date.parse(message.at) - Date.parse(above.at) < GROUP_MS;
      rows.push({
        kind: 'message',
        // An answer keeps the key of its turn, so that the streamed text becomes the message without being drawn anew.
        key: message.turn ?? message.clientId ?? message.id,
        message,
        turn: message.turn ? log.turns.get(message.turn) : undefined,
        grouped,
        // Right below what it answers, an agent's answer needs no quote; a person chose to quote.
        quotes: message.replyTo !== undefined && !(message.turn && message.replyTo === before),
        forks,
        settles,
      });
      // Below the line of a fork, or a summary, the next message begins with its name.
      above = forks || settles ? null : message;
      before = message.id;
    } else if (entry.kind === 'notice') {
      const last = rows.at(-1);
      if (last?.kind === 'notices') rows[rows.length - 1] = { ...last, events: [...last.events, entry.event] };
      else rows.push({ kind: 'notices', key: `notice-${entry.seq}`, events: [entry.event] });
      above = null;
    } else if (entry.kind === 'happening') {
      rows.push({ kind: 'happening', key: happeningKey(entry.event), event: entry.event, news: entry.news });
      above = null;
    } else if (turn) {
      rows.push(entry.kind === 'turn' ? { kind: 'turn', key: turn.id, turn } : { kind: 'summary', key: summaryKey(turn.summarised?.to ?? entry.seq), turn });
      above = null;
    }
  }
  return rows;
}

/** A summary's row is named by the last event that it covers, as receipts name it. */
export const summaryKey = (to: number): string => `summary-${to}`;

/** A question's row is named by it, so that one gets there from elsewhere. */
const happeningKey = (event: Happening): string =>
  event.type === 'approval.requested' ? event.approval : `happening-${event.seq}`;
