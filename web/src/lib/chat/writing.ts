// Rules of writing that composer and editor share.
import { LIMITS } from '#lib/api/events.ts';
import type { SendKey } from '#lib/appearance.svelte.ts';

/** Whether a key press sends. Never while an input method composes: there Enter picks a word. */
export function sends(
  press: Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey' | 'isComposing' | 'keyCode'>,
  key: SendKey,
): boolean {
  if (press.key !== 'Enter' || press.isComposing || press.keyCode === 229 || press.shiftKey || press.altKey) return false;
  return key === 'enter' || press.ctrlKey || press.metaKey;
}

/** Whether a text is short enough for a message. */
export const fits = (text: string): boolean => new TextEncoder().encode(text).length <= LIMITS.messageBytes;

/** What stands before the caret that a list of suggestions could complete. */
export interface Wanted {
  kind: 'mention' | 'emoji';
  query: string;
  /** Where `@` or `:` is. */
  start: number;
}

export function wantedAt(text: string, caret: number): Wanted | null {
  const before = text.slice(Math.max(0, caret - 48), caret);
  const mention = /(?:^|[^\p{L}\p{N}])@([\p{L}\p{N}-]{0,32})$/u.exec(before);
  if (mention) return { kind: 'mention', query: mention[1] ?? '', start: caret - (mention[1]?.length ?? 0) - 1 };
  const emoji = /(?:^|\s):([a-z0-9+_-]{2,20})$/i.exec(before);
  if (emoji) return { kind: 'emoji', query: emoji[1] ?? '', start: caret - (emoji[1]?.length ?? 0) - 1 };
  return null;
}

/** The slugs that a text mentions outside code, each once: as the server reads them. */
export function mentionsIn(text: string): string[] {
  const prose = text.replace(/(```|~~~)[\s\S]*?(?:\1|$)/g, ' ').replace(/`[^`\n]*`/g, ' ');
  const slugs = [...prose.matchAll(/(?<![\p{L}\p{N}])@([a-z0-9-]+)/gu)].map((match) => (match[1] ?? '').replace(/-+$/, ''));
  return [...new Set(slugs.filter((slug) => slug !== ''))];
}
