// Markdown as a tree of known parts, which components draw one by one: no text of a message ever becomes HTML.
import { Marked, type Token, type Tokens, type TokensList } from 'marked';

export interface Mention extends Tokens.Generic {
  type: 'mention';
  raw: string;
  slug: string;
}

const marked = new Marked({ gfm: true, breaks: true });

marked.use({
  extensions: [
    {
      name: 'mention',
      level: 'inline',
      start: (source: string) => source.match(/(?<![\p{L}\p{N}])@[a-z]/u)?.index,
      tokenizer(source: string, before: Token[]) {
        // What stands before is in the last part: behind a letter it is an address, no mention.
        if (/[\p{L}\p{N}]$/u.test(before.at(-1)?.raw ?? '')) return undefined;
        const match = /^@([a-z][a-z0-9-]{0,30}[a-z0-9])(?![a-z0-9])/.exec(source);
        return match ? { type: 'mention', raw: match[0], slug: match[1] } : undefined;
      },
    },
  ],
});

/** The blocks of a text. */
export function parse(text: string): TokensList | Token[] {
  return marked.lexer(text);
}

const NAMED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', copy: '©', hellip: '…', mdash: '—', ndash: '–', rarr: '→', larr: '←' };

/** Text with its entities resolved; unknown ones stay as they were written. */
export function decode(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (whole, decimal, hex, name: string | undefined) => {
    if (name !== undefined) return NAMED[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** The address of a link, if it is of a kind that may be followed. */
export function safeHref(href: string): string | null {
  try {
    const url = new URL(href, 'https://relative.invalid/');
    if (!['http:', 'https:', 'mailto:'].includes(url.protocol)) return null;
    if (url.hostname !== 'relative.invalid') return url.href;
    return href.startsWith('/') && !href.startsWith('//') ? href : null;
  } catch {
    return null;
  }
}

/** The text in a list of inline parts, without marks. */
export function textOf(tokens: readonly Token[]): string {
  return tokens
    .map((token) => ('tokens' in token && token.tokens ? textOf(token.tokens) : 'text' in token ? decode(String(token.text)) : token.raw))
    .join('');
}
