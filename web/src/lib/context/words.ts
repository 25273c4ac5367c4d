// Context items in words.
import type { ContextItem, ContextScope } from '#lib/api/resources.ts';

import { type Field } from './form.ts';

export const SCOPE_LABEL: Record<ContextScope, string> = { chat: 'This chat', channel: 'Channel', org: 'Org' };
export const SCOPE_HINT: Record<ContextScope, string> = {
  chat: 'Given to agents in this chat.',
  channel: 'Given to agents in all chats of this channel.',
  org: 'Given to agents in all chats of the org.',
};
export const FIELD_LABEL: Record<Field, string> = { title: 'Title', text: 'Text', tags: 'Tags', expires: 'Last day' };

export const isOver = (item: Pick<ContextItem, 'expires_at'>, now: number): boolean =>
  item.expires_at != null && Date.parse(item.expires_at) <= now;

/** Whether an item has all the words that are looked for, in its title, text or tags. */
export function fits(item: Pick<ContextItem, 'title' | 'text' | 'tags'>, query: string): boolean {
  const text = `${item.title}\n${item.tags.join('\n')}\n${item.text}`.toLowerCase();
  return query.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
