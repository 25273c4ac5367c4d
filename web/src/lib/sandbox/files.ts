// Paths and kinds of files in a sandbox, and saving bytes to the person's disk.
import type { FileEntry } from '#lib/api/resources.ts';

/** Larger files are not shown, only downloaded. */
export const SHOWN_BYTES = 1024 * 1024;

export const joined = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`);

/** Folders first, then by name as people sort. */
export function sorted(entries: readonly FileEntry[]): FileEntry[] {
  const names = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
  const rank = (entry: FileEntry): number => (entry.kind === 'folder' ? 0 : 1);
  return [...entries].sort((one, other) => rank(one) - rank(other) || names.compare(one.name, other.name));
}

const LANGUAGES: Record<string, string> = {
  cjs: 'javascript', css: 'css', diff: 'diff', go: 'go', h: 'c', html: 'html', java: 'java', js: 'javascript', json: 'json',
  jsx: 'javascript', kt: 'kotlin', md: 'markdown', mjs: 'javascript', php: 'php', py: 'python', rb: 'ruby', rs: 'rust',
  sh: 'bash', sql: 'sql', svelte: 'svelte', svg: 'xml', swift: 'swift', toml: 'ini', ts: 'typescript', tsx: 'typescript',
  vue: 'vue', xml: 'xml', yaml: 'yaml', yml: 'yaml', c: 'c', cpp: 'cpp', cs: 'csharp', ini: 'ini', webmanifest: 'json',
};
const IMAGES: Record<string, string> = {
  avif: 'image/avif', gif: 'image/gif', ico: 'image/x-icon', jpeg: 'image/jpeg', jpg: 'image/jpeg', png: 'image/png', webp: 'image/webp',
};

const ending = (name: string): string => (name.includes('.') ? name.slice(name.lastIndexOf('.') + 1).toLowerCase() : '');

export const languageOf = (name: string): string =>
  name.toLowerCase() === 'dockerfile' ? 'dockerfile' : (LANGUAGES[ending(name)] ?? 'text');

/** The type of an image that can be shown; undefined for anything else. */
export const imageType = (name: string): string | undefined => IMAGES[ending(name)];

/** The bytes as text; null when they are none. */
export function textOf(bytes: Uint8Array): string | null {
  // What holds a NUL is no text, whatever its other bytes are.
  if (bytes.subarray(0, 8_192).includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Hands bytes to the browser as a download. */
export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  // Never a type that a browser would open as a page of ours.
  link.href = URL.createObjectURL(new Blob([blob], { type: 'application/octet-stream' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
