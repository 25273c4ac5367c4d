import { afterEach, expect, it } from 'vitest';

import { words } from './words.svelte.ts';

afterEach(() => words.use({ one: 'fork', many: 'forks' }));

it('calls forks as the org does', () => {
  expect([words.fork, words.forks, words.Fork, words.Forks, words.aFork]).toEqual(['fork', 'forks', 'Fork', 'Forks', 'a fork']);
  words.use({ one: 'aside', many: 'asides' });
  expect([words.Fork, words.Forks, words.aFork]).toEqual(['Aside', 'Asides', 'an aside']);
  words.use({ one: 'écart', many: 'écarts' });
  expect(words.Fork).toBe('Écart');
});

it('puts what the server says into those words, and leaves other words alone', () => {
  words.use({ one: 'aside', many: 'asides' });
  expect(words.in('The fork has ended')).toBe('The aside has ended');
  expect(words.in('A fork cannot begin inside a fork')).toBe('An aside cannot begin inside an aside');
  expect(words.in('a chat has at most 5 open forks')).toBe('a chat has at most 5 open asides');
  expect(words.in('The forklift')).toBe('The forklift');
});

it('takes a word that means something in a replacement as it is', () => {
  words.use({ one: '$&', many: '$1' });
  expect(words.in('forks of a fork')).toBe('$1 of a $&');
});

it('is where every text takes the word from', () => {
  expect(spoken('a.svelte', '<p title="A fork">Start a fork</p> {fork}')).toEqual(['Start a fork', 'A fork']);
  expect(spoken('a.ts', "const keys = { fork: 'fork', label: 'Start a fork' };")).toEqual(['Start a fork']);
  const files = import.meta.glob<string>(
    // Where the word is chosen, the one that stands by default is named.
    ['../**/*.svelte', './**/*.ts', '!./**/*.test.ts', '!./api/*.ts', '!./words.svelte.ts', '!./org/settings/ForkWords.svelte'],
    { query: '?raw', import: 'default', eager: true },
  );
  expect(Object.keys(files).length).toBeGreaterThan(100);
  const found = Object.entries(files).flatMap(([file, source]) => spoken(file, source).map((said) => `${file}: ${said}`));
  expect(found).toEqual([]);
});

/** Texts of a source file that are shown or read out and call a fork by its first name. */
function spoken(file: string, source: string): string[] {
  const code = source.replace(/<!--[\s\S]*?-->|\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const markup = file.endsWith('.svelte')
    ? code.replace(/<(script|style)[\s\S]*?<\/\1>/g, '').replace(/\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}/g, '…')
    : '';
  const attributes = /\b(?:title|label|text|aria-label|placeholder|description|action|hint)="([^"]*)"/g;
  const shown = [
    ...[...markup.matchAll(/>([^<>]+)</g)].map((match) => match[1] ?? ''),
    ...[...markup.matchAll(attributes)].map((match) => match[1] ?? ''),
    // In code a text is what begins with a capital or has several words.
    ...[...code.matchAll(/'([^'\n]*)'|`([^`]*)`/g)]
      .map((match) => (match[1] ?? match[2] ?? '').replace(/\$\{[^}]*\}/g, '…'))
      .filter((text) => /^[A-Z]|[a-z] [a-z]/.test(text) && !/[=<>;]/.test(text)),
  ];
  return shown.filter((text) => /\bforks?\b/i.test(text));
}
