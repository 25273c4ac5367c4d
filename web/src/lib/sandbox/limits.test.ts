import { describe, expect, it } from 'vitest';

import type { QuotaLimits } from '#lib/api/resources.ts';

import { holders, read, typed } from './limits.ts';

const empty = { running: '', seconds: '', egress_bytes: '' };

describe('limits as people type them', () => {
  it('are hours and GiB, and empty ones are as for everybody', () => {
    expect(read({ running: ' 3 ', seconds: '0.5', egress_bytes: '1,5' })).toEqual({
      limit: { running: 3, seconds: 1_800, egress_bytes: 1.5 * 1024 ** 3 },
    });
    expect(read(empty)).toEqual({ limit: {} });
    expect(read({ ...empty, running: '0' })).toEqual({ limit: { running: 0 } });
  });

  it('are refused at their field', () => {
    const table: [keyof typeof empty, string][] = [
      ['running', '1.5'],
      ['running', '1001'],
      ['running', '-1'],
      ['running', 'many'],
      ['seconds', '1e3'],
      ['seconds', '305419897'],
      ['egress_bytes', '1048577'],
      ['egress_bytes', '1 GB'],
    ];
    for (const [field, text] of table) expect(read({ ...empty, [field]: text }), `${field} ${text}`).toMatchObject({ field });
  });

  it('read as they were typed', () => {
    for (const [field, text] of [['running', '3'], ['seconds', '0.5'], ['seconds', '40'], ['egress_bytes', '1.5']] as const) {
      const parsed = read({ ...empty, [field]: text });
      expect('limit' in parsed && typed(field, parsed.limit[field])).toBe(text);
    }
    expect([typed('running', 0), typed('seconds', null), typed('seconds', undefined)]).toEqual(['0', '', '']);
  });
});

describe('who has limits', () => {
  const limits: QuotaLimits = {
    org_default: { running: 10, seconds: 3_600_000, egress_bytes: 1 },
    member_default: { running: 3, seconds: 360_000, egress_bytes: 1 },
    set: [
      { holder: 'member', name: '', limit: { running: 2 } },
      { holder: 'user_1', name: 'Ada', limit: { seconds: 60 } },
    ],
  };

  it('are the org and every member always, then people, each with what holds otherwise', () => {
    expect(holders(limits, 'Tides').map(({ holder, name, set, otherwise }) => [holder, name, set, otherwise.running])).toEqual([
      ['org', 'Tides', false, 10],
      ['member', 'Every member', true, 3],
      ['user_1', 'Ada', true, 2],
    ]);
  });
});
