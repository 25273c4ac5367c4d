// Periods and days of the usage page. Days are of UTC, as the server sums them up.
import type { UsageReport, UsageSum } from '#lib/api/resources.ts';

export type Period = 'month' | 'last' | '90';

const DAY_MS = 86_400_000;

/** From when until when, as the server is asked; until now when there is no end. */
export function range(period: Period, now: Date): { from: string; to?: string } {
  const month = (back: number): string => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString();
  if (period === 'month') return { from: month(0) };
  if (period === 'last') return { from: month(1), to: month(0) };
  const today = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate());
  return { from: new Date(today - 89 * DAY_MS).toISOString() };
}

export interface Day extends UsageSum {
  /** Such as 2026-11-21. */
  key: string;
}

/** Every day of a report, also those on which nothing was used. */
export function daysOf(report: UsageReport): Day[] {
  const known = new Map(report.parts.map((part) => [part.key, part]));
  const days: Day[] = [];
  const last = Date.parse(report.to) - 1;
  for (let at = Math.floor(Date.parse(report.from) / DAY_MS) * DAY_MS; at <= last; at += DAY_MS) {
    const key = new Date(at).toISOString().slice(0, 10);
    const part = known.get(key);
    days.push({ key, sandbox_seconds: part?.sandbox_seconds ?? 0, egress_bytes: part?.egress_bytes ?? 0, micro_usd: part?.micro_usd ?? 0 });
  }
  return days;
}
