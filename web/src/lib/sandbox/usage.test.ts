import { expect, it } from 'vitest';

import { daysOf, range } from './usage.ts';

const NOW = new Date('2026-01-15T10:00:00Z');

it('asks for months and days of UTC', () => {
  expect(range('month', NOW)).toEqual({ from: '2026-01-01T00:00:00.000Z' });
  expect(range('last', NOW)).toEqual({ from: '2025-12-01T00:00:00.000Z', to: '2026-01-01T00:00:00.000Z' });
  expect(range('90', NOW)).toEqual({ from: '2025-10-18T00:00:00.000Z' });
});

it('shows every day, also those without use, and none after the end', () => {
  const sum = { sandbox_seconds: 0, egress_bytes: 0, micro_usd: 0 };
  const used = { key: '2026-01-02', name: '2 January', sandbox_seconds: 60, egress_bytes: 5, micro_usd: 9 };
  const days = daysOf({ from: '2026-01-01T00:00:00Z', to: '2026-01-04T00:00:00Z', total: sum, parts: [used] });
  expect(days.map((day) => [day.key, day.sandbox_seconds])).toEqual([['2026-01-01', 0], ['2026-01-02', 60], ['2026-01-03', 0]]);
});
