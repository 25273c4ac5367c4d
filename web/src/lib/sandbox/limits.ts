// Limits of sandboxes as people type them: a count, hours, GiB. A field that is left empty is as it is for everybody.
import type { HeldLimit, QuotaLimit, QuotaLimits } from '#lib/api/resources.ts';

export type LimitField = 'running' | 'seconds' | 'egress_bytes';
export type Typed = Record<LimitField, string>;

const GIB = 1024 ** 3;

interface Measure {
  label: string;
  /** Of one, in what the server counts. */
  unit: number;
  /** In the unit of people. */
  most: number;
  digits: number;
  wrong: string;
}

export const MEASURES: Record<LimitField, Measure> = {
  running: { label: 'Running at once', unit: 1, most: 1_000, digits: 0, wrong: 'A whole number from 0 to 1,000.' },
  seconds: { label: 'Hours a month', unit: 3_600, most: Math.floor(2 ** 40 / 3_600), digits: 2, wrong: 'Hours, such as 40 or 0.5.' },
  egress_bytes: { label: 'GiB sent outside a month', unit: GIB, most: 2 ** 20, digits: 3, wrong: 'GiB, such as 10 or 0.5.' },
};
export const FIELDS = Object.keys(MEASURES) as LimitField[];

/** An amount in the unit of people, as one would type it. */
export function typed(field: LimitField, amount: number | null | undefined): string {
  if (amount === null || amount === undefined) return '';
  const { unit, digits } = MEASURES[field];
  return String(Number((amount / unit).toFixed(digits)));
}

/** What was typed, or what is wrong with which field. */
export function read(fields: Typed): { limit: QuotaLimit } | { field: LimitField; text: string } {
  const limit: QuotaLimit = {};
  for (const field of FIELDS) {
    const text = fields[field].trim().replace(',', '.');
    if (text === '') continue;
    const { unit, most, digits, wrong } = MEASURES[field];
    const amount = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (!(amount <= most) || (digits === 0 && !Number.isInteger(amount))) return { field, text: wrong };
    limit[field] = Math.round(amount * unit);
  }
  return { limit };
}

export interface Holder {
  /** `org`, `member` or a user's id. */
  holder: string;
  name: string;
  limit: QuotaLimit;
  /** What holds where it sets nothing. */
  otherwise: QuotaLimit;
  /** Something is set. */
  set: boolean;
}

/** The rows of the screen: the org and every member always, then the people for whom something is set. */
export function holders(limits: QuotaLimits, org: string): Holder[] {
  const found = (holder: string): QuotaLimit | undefined => limits.set.find((one) => one.holder === holder)?.limit;
  const everybody = { ...limits.member_default, ...present(found('member') ?? {}) };
  const people = limits.set.filter(({ holder }) => holder !== 'org' && holder !== 'member');
  return [
    row({ holder: 'org', name: org, limit: found('org') ?? {} }, limits.org_default),
    row({ holder: 'member', name: 'Every member', limit: found('member') ?? {} }, limits.member_default),
    ...people.map((one) => row(one, everybody)),
  ];
}

const row = ({ holder, name, limit }: HeldLimit, otherwise: QuotaLimit): Holder => ({
  holder,
  name: name || 'Former member',
  limit,
  otherwise,
  set: Object.keys(present(limit)).length > 0,
});

const present = (limit: QuotaLimit): QuotaLimit =>
  Object.fromEntries(Object.entries(limit).filter(([, amount]) => amount !== null && amount !== undefined));
