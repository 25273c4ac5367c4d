// What goes wrong in a page that a preview shows, as the page tells it. Knows no DOM. Whatever comes is a stranger's: it is
// taken by its shape, cut to size, and only ever text.

export interface Finding {
  level: 'error' | 'warning';
  kind: 'console' | 'uncaught' | 'rejection' | 'resource';
  text: string;
  /** Address or path; empty when it is not known. */
  source: string;
  line: number;
  column: number;
  times: number;
}

const TEXT_CHARS = 2_000;
const PLACE_CHARS = 300;
/** The script tells 50 of each page; who tells more by themselves is only counted. */
const FINDINGS = 50;
const COUNT_MAX = 1_000_000;

const KINDS = new Set<unknown>(['console', 'uncaught', 'rejection', 'resource'] satisfies Finding['kind'][]);

export class PageConsole {
  findings = $state.raw<Finding[]>([]);
  /** Told, but not in what words. */
  more = $state(0);
  /** The page's script is there. */
  hears = $state(false);
  /** Where the page is. */
  path = $state('');

  #unnamed = 0;
  #beyond = 0;

  readonly errors = $derived(this.#count('error'));
  readonly warnings = $derived(this.#count('warning'));

  /** Takes a message of the page. False: it is none of ours. */
  hear(message: unknown): boolean {
    if (!isRecord(message) || message.slipway !== 'console') return false;
    switch (message.type) {
      case 'ready':
        this.clear();
        this.hears = true;
        this.path = cut(message.path, PLACE_CHARS);
        return true;
      case 'entry':
        return this.#take(message);
      case 'more':
        this.#unnamed = Math.max(this.#unnamed, whole(message.count));
        this.more = this.#unnamed + this.#beyond;
        return true;
      default:
        return false;
    }
  }

  /** Forgets what was told; the page may go on telling. */
  clear(): void {
    this.findings = [];
    this.#unnamed = this.#beyond = this.more = 0;
  }

  /** Another page comes. */
  reset(): void {
    this.clear();
    this.hears = false;
    this.path = '';
  }

  #take(message: Record<string, unknown>): boolean {
    const { level, kind } = message;
    if ((level !== 'error' && level !== 'warning') || !KINDS.has(kind)) return false;
    const found: Finding = {
      level,
      kind: kind as Finding['kind'],
      text: cut(message.text, TEXT_CHARS),
      source: cut(message.source, PLACE_CHARS),
      line: whole(message.line),
      column: whole(message.column),
      times: 1,
    };
    const at = this.findings.findIndex((one) => sameAs(one, found));
    if (at >= 0) {
      this.findings = this.findings.with(at, { ...found, times: this.findings[at]!.times + 1 });
    } else if (this.findings.length < FINDINGS) {
      this.findings = [...this.findings, found];
    } else {
      this.#beyond += 1;
      this.more = this.#unnamed + this.#beyond;
    }
    return true;
  }

  #count(level: Finding['level']): number {
    return this.findings.reduce((sum, one) => sum + (one.level === level ? one.times : 0), 0);
  }
}

const sameAs = (one: Finding, other: Finding): boolean =>
  one.level === other.level && one.text === other.text && one.source === other.source && one.line === other.line && one.column === other.column;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const cut = (value: unknown, chars: number): string => (typeof value === 'string' ? value.slice(0, chars) : '');
const whole = (value: unknown): number => (typeof value === 'number' && value >= 0 ? Math.min(Math.floor(value), COUNT_MAX) : 0);

/** Where it was: `/main.js:12:5`. */
export function placeOf({ source, line, column }: Finding): string {
  if (source === '') return '';
  return line > 0 ? `${source}:${line}${column > 0 ? `:${column}` : ''}` : source;
}

/** `2 errors, 1 warning`; empty when there is nothing. */
export function countText({ errors, warnings }: Pick<PageConsole, 'errors' | 'warnings'>): string {
  const parts = [];
  if (errors > 0) parts.push(errors === 1 ? '1 error' : `${errors} errors`);
  if (warnings > 0) parts.push(warnings === 1 ? '1 warning' : `${warnings} warnings`);
  return parts.join(', ');
}

/** Everything, as text to keep. */
export function copied({ findings, more }: Pick<PageConsole, 'findings' | 'more'>): string {
  const lines = findings.map((one) => line(one, one.text));
  if (more > 0) lines.push(`and ${more} more`);
  return lines.join('\n');
}

const ASKED = 8;
const ASKED_CHARS = 400;
const ASKED_LINES = 4;

/**
 * A question about the findings for the composer: errors first, and not all of everything. The page's words stand in code that
 * they cannot end, so that nothing in them mentions anybody or is read as more than a quotation.
 */
export function question({ findings, more, path }: Pick<PageConsole, 'findings' | 'more' | 'path'>, port: number): string {
  const sorted = [...findings].sort((one, other) => Number(one.level === 'warning') - Number(other.level === 'warning'));
  const lines = sorted.slice(0, ASKED).map((one) => {
    const short = one.text.split('\n').slice(0, ASKED_LINES).join('\n').slice(0, ASKED_CHARS);
    return line(one, short.length < one.text.length ? `${short} …` : short);
  });
  const rest = sorted.length - lines.length + more;
  if (rest > 0) lines.push(`and ${rest} more`);
  const at = path === '' || path === '/' ? '' : ` at \`${plain(path).replaceAll('\n', ' ')}\``;
  return `The preview of port ${port}${at} shows this on its console:\n\`\`\`text\n${plain(lines.join('\n'))}\n\`\`\`\nWhat is wrong, and can you fix it?`;
}

/** Without what ends code in Markdown. */
const plain = (text: string): string => text.replaceAll('`', "'").replaceAll('~~~', '~ ~ ~');

function line(one: Finding, text: string): string {
  const place = placeOf(one);
  return `${one.level}${one.times > 1 ? `, ${one.times} times` : ''}: ${text}${place ? ` (${place})` : ''}`;
}
