import { describe, expect, it } from 'vitest';

import { bare, pieces } from './ansi.ts';
import { actionTitle, bytes, hostsIn, isHost, left, money, spent, stateLabel, stateTone } from './words.ts';

describe('amounts', () => {
  it('are money with cents, and with enough digits below a cent', () => {
    expect([0, 90_000, 1_250_000, 4_321, 12].map(money)).toEqual(['$0.00', '$0.09', '$1.25', '$0.0043', '$0.000012']);
  });

  it('are bytes in units of 1024', () => {
    expect([0, 1, 900, 1536, 12 * 1024 ** 2, 3 * 1024 ** 3].map(bytes)).toEqual([
      '0 bytes', '1 byte', '900 bytes', '1.5 KiB', '12 MiB', '3 GiB',
    ]);
  });

  it('are time spent, rounded down, and time left, rounded up', () => {
    expect([40, 119, 3_600, 12_700, 720_000].map(spent)).toEqual(['40 s', '1 min', '1 hour', '3.5 hours', '200 hours']);
    expect([0, 900, 59_100, 60_000, 61_000, 5_400_000, 86_400_000].map(left)).toEqual([
      'now', '1 s', '60 s', '1 min', '2 min', '1 h 30 min', '1 d 0 h',
    ]);
  });
});

it('says what shall happen', () => {
  expect(actionTitle({ kind: 'start_sandbox', size: 'small', hosts: [] })).toBe('Start a sandbox');
  expect(actionTitle({ kind: 'allow_hosts', sandbox: 's', hosts: ['npmjs.org'] })).toBe('Let the sandbox reach npmjs.org');
  expect(actionTitle({ kind: 'allow_hosts', sandbox: 's', hosts: ['a.org', 'b.org'] })).toBe('Let the sandbox reach 2 more hosts');
});

it('does not mind a state that is newer than this page', () => {
  expect([stateLabel('hibernating' as never), stateTone('hibernating' as never)]).toEqual(['hibernating', 'off']);
});

describe('hosts', () => {
  it('are taken from what people type or paste, each once', () => {
    expect(hostsIn(' registry.npmjs.org, https://API.example.com/v1\n*.example.com registry.npmjs.org:443')).toEqual([
      'registry.npmjs.org', 'api.example.com', '*.example.com',
    ]);
    expect(hostsIn('  ')).toEqual([]);
  });

  it('are names, never addresses, single labels or wild cards elsewhere', () => {
    expect(['example.com', '*.example.com', 'a-b.example.co'].every(isHost)).toBe(true);
    expect(['localhost', '10.0.0.1', '*', '*.com.', 'a.*.com', '-a.example.com', 'exa mple.com'].some(isHost)).toBe(false);
  });
});

describe('output of commands', () => {
  const show = (output: string) => pieces(output).map(({ text, classes }) => (classes ? `[${classes}|${text}]` : text));

  it('keeps its colours as class names', () => {
    expect(show('a \u001b[32mok\u001b[0m \u001b[1;31mbad\u001b[39m still\u001b[m .')).toEqual([
      'a ', '[ansi-green|ok]', ' ', '[ansi-red font-semibold|bad]', '[font-semibold| still]', ' .',
    ]);
    expect(show('\u001b[38;5;2mgreen\u001b[38;2;1;2;3mrgb\u001b[0;48;5;9mplain')).toEqual(['[ansi-green|green]', 'rgbplain']);
  });

  it('loses every other control sequence, also one that is cut in the middle', () => {
    expect(bare('\u001b[2J\u001b[Hx\u001b]0;title\u0007y\u001b(B\u0000z\u0007\u001b[3')).toBe('xyz');
    expect(bare('a\u001b]8;;https://evil.example\u001b\\link\u001b]8;;\u001b\\')).toBe('alink');
  });

  it('shows the last of a line that writes over itself', () => {
    expect(bare('10%\r50%\r100%\nnext\r\n')).toBe('100%\nnext\n');
  });

  it('is text, whatever it looks like', () => {
    expect(pieces('<img src=x onerror=alert(1)>')).toEqual([{ text: '<img src=x onerror=alert(1)>', classes: '' }]);
  });
});
