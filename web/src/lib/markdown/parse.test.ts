import type { Token } from 'marked';
import { describe, expect, it } from 'vitest';

import { decode, parse, safeHref, textOf } from './parse.ts';
import { plain } from './plain.ts';

/** The kinds of all parts, inner ones in brackets. */
function kinds(tokens: readonly Token[]): string {
  return tokens
    .map((token) => ('tokens' in token && token.tokens?.length ? `${token.type}[${kinds(token.tokens)}]` : token.type))
    .join(' ');
}

describe('markdown', () => {
  it('finds mentions, but none in addresses or code', () => {
    expect(kinds(parse('hi @demo, mail a@demo or `@demo`'))).toBe('paragraph[text mention text codespan]');
    expect(kinds(parse('@code-review: look'))).toBe('paragraph[mention text]');
  });

  it('keeps HTML as a part of its own, which is drawn as text', () => {
    expect(kinds(parse('a <b onclick="x()">bold</b>'))).toBe('paragraph[text html text html]');
    expect(kinds(parse('<script>alert(1)</script>'))).toBe('html');
  });

  it('follows links to web and mail addresses, and to places in the app', () => {
    expect(safeHref('https://example.com/a?b=c')).toBe('https://example.com/a?b=c');
    expect(safeHref('mailto:ada@example.com')).toBe('mailto:ada@example.com');
    expect(safeHref('/o/org_1')).toBe('/o/org_1');
  });

  it('follows no other link, however it is written', () => {
    const bad = [
      'javascript:alert(1)',
      'JaVaScRiPt:alert(1)',
      ' javascript:alert(1)',
      'java\nscript:alert(1)',
      'data:text/html,<script>alert(1)</script>',
      'vbscript:x',
      'file:///etc/passwd',
      'blob:https://example.com/x',
      'https://',
    ];
    expect(bad.filter((href) => safeHref(href) !== null)).toEqual([]);
  });

  it('sends a link to another host as such, also without its protocol', () => {
    expect(safeHref('//evil.example/x')).toBe('https://evil.example/x');
  });

  it('resolves entities once', () => {
    expect(decode('a &amp; b &lt;c&gt; &#9731; &#x2603; &unknown; &amp;lt;')).toBe('a & b <c> ☃ ☃ &unknown; &lt;');
  });

  it('has a plain reading for previews', () => {
    expect(plain('**Bold** and `code` at [the note](https://x.y)\n- item')).toBe('Bold and code at the note item');
    expect(textOf(parse('*a* &amp; **b**'))).toBe('a & b');
  });
});
