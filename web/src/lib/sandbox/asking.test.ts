import { describe, expect, it } from 'vitest';

import { Refused, Unreachable } from '#lib/api/problem.ts';

import { Asking } from './asking.ts';

function asking(): Asking {
  let made = 0;
  return new Asking(() => `c${(made += 1)}`);
}

const refusal = (status: number, code: 'invalid_field' | 'unavailable') => new Refused({ type: 'about:blank', title: 'No', status, code });

describe('the name of a request', () => {
  it('stays when no answer came, so that a retry asks nobody twice', () => {
    const one = asking();
    expect(one.idFor({ reason: 'tides' })).toBe('c1');
    one.failed(new Unreachable());
    expect(one.idFor({ reason: 'tides' })).toBe('c1');
    one.failed(refusal(503, 'unavailable'));
    expect(one.idFor({ reason: 'tides' })).toBe('c1');
  });

  it('is another one after an answer, also after a refusal', () => {
    const one = asking();
    one.idFor({ reason: 'tides' });
    one.done();
    expect(one.idFor({ reason: 'tides' })).toBe('c2');
    one.failed(refusal(400, 'invalid_field'));
    expect(one.idFor({ reason: 'tides' })).toBe('c3');
  });

  it('is another one when something else is asked for', () => {
    const one = asking();
    one.idFor({ reason: 'tides' });
    one.failed(new Unreachable());
    expect(one.idFor({ reason: 'storms' })).toBe('c2');
  });
});
