// A context item as it is written: what is wrong with it, what changed, and what to do when somebody else changed it too.
import type { ContextItem, ContextScope, UpdateContextItem } from '#lib/api/resources.ts';

/** Longest title, in characters; longest text, in bytes; most tags, and the longest in characters. */
export const TITLE_CHARS = 120;
export const TEXT_BYTES = 16 * 1024;
export const TAGS = 10;
export const TAG_CHARS = 40;

export interface Form {
  scope: ContextScope;
  title: string;
  text: string;
  /** As typed, with commas. */
  tags: string;
  /** The last day on which it is given, as `2026-11-20` in the viewer's zone; empty for ever. */
  expires: string;
}

/** What can be changed of an item that stands. */
export type Field = 'title' | 'text' | 'tags' | 'expires';
export const FIELDS: readonly Field[] = ['title', 'text', 'tags', 'expires'];

export const blank = (scope: ContextScope): Form => ({ scope, title: '', text: '', tags: '', expires: '' });

export const formOf = (item: ContextItem): Form => ({
  scope: item.scope,
  title: item.title,
  text: item.text,
  tags: item.tags.join(', '),
  expires: item.expires_at ? dayOf(new Date(item.expires_at)) : '',
});

/** Tags as typed, one or many; each once. */
export function tagsIn(typed: string): string[] {
  const tags = typed
    .split(/[,;\n]+/)
    .map((tag) => tag.trim().replace(/^#/, '').replace(/\s+/g, ' ').toLowerCase())
    .filter((tag) => tag !== '');
  return [...new Set(tags)];
}

/** When it is given no more: the end of its last day. */
export function expiryOf({ expires }: Pick<Form, 'expires'>): string | null {
  const [year, month, day] = expires.split('-').map(Number);
  return year && month && day ? new Date(year, month - 1, day, 23, 59, 59).toISOString() : null;
}

/** What is wrong, by field. A last day that is over may stay as it was in `before`. */
export function faultsOf(form: Form, now: number, before?: Form): Partial<Record<Field, string>> {
  const faults: Partial<Record<Field, string>> = {};
  const title = form.title.trim();
  if (title === '') faults.title = 'Give it a title.';
  else if ([...title].length > TITLE_CHARS) faults.title = `At most ${TITLE_CHARS} characters.`;
  if (form.text.trim() === '') faults.text = 'Write what agents shall know.';
  else if (new TextEncoder().encode(form.text).length > TEXT_BYTES) faults.text = 'That is longer than an item may be (16 KiB).';
  const tags = tagsIn(form.tags);
  if (tags.length > TAGS) faults.tags = `At most ${TAGS} tags.`;
  else if (tags.some((tag) => [...tag].length > TAG_CHARS)) faults.tags = `A tag has at most ${TAG_CHARS} characters.`;
  const until = expiryOf(form);
  if (until !== null && Date.parse(until) < now && form.expires !== before?.expires) faults.expires = 'That day is over.';
  return faults;
}

/** A field in one form of writing, so that two of them can be compared. */
function plainly(form: Form, field: Field): string {
  return field === 'tags' ? tagsIn(form.tags).join(',') : field === 'title' ? form.title.trim() : form[field];
}

const differ = (one: Form, other: Form, field: Field): boolean => plainly(one, field) !== plainly(other, field);

export const isDirty = (before: Form, form: Form): boolean => before.scope !== form.scope || FIELDS.some((field) => differ(before, form, field));

/** What `form` changes of `item`; null: nothing. */
export function changeOf(item: ContextItem, form: Form): UpdateContextItem | null {
  const before = formOf(item);
  const change: UpdateContextItem = { version: item.version };
  if (differ(before, form, 'title')) change.title = form.title.trim();
  if (differ(before, form, 'text')) change.text = form.text;
  if (differ(before, form, 'tags')) change.tags = tagsIn(form.tags);
  if (differ(before, form, 'expires')) change.expires_at = expiryOf(form);
  return Object.keys(change).length > 1 ? change : null;
}

export interface Meeting {
  /** Theirs where only they changed a field, one's own elsewhere. */
  form: Form;
  /** Fields that both changed, and not to the same. */
  both: Field[];
}

/** Somebody made `theirs` of `base` while one wrote `form`. */
export function meet(base: ContextItem, theirs: ContextItem, form: Form): Meeting {
  const [old, other] = [formOf(base), formOf(theirs)];
  const met: Form = { ...form };
  const both: Field[] = [];
  for (const field of FIELDS) {
    if (!differ(old, form, field)) met[field] = other[field];
    else if (differ(old, other, field) && differ(form, other, field)) both.push(field);
  }
  return { form: met, both };
}

function dayOf(at: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
