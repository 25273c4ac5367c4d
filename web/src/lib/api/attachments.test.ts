import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { putPart } from './attachments.ts';
import { useTokens } from './http.ts';
import { Refused, Unreachable } from './problem.ts';

/** An XMLHttpRequest whose answer the test gives. */
class FakeRequest {
  static all: FakeRequest[] = [];
  upload: { onprogress: ((event: { loaded: number }) => void) | null } = { onprogress: null };
  onload: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onabort: (() => void) | null = null;
  status = 0;
  statusText = '';
  responseText = '';
  headers: Record<string, string> = {};
  line = '';
  body: Blob | null = null;

  constructor() {
    FakeRequest.all.push(this);
  }
  open(method: string, path: string) {
    this.line = `${method} ${path}`;
  }
  setRequestHeader(name: string, value: string) {
    this.headers[name.toLowerCase()] = value;
  }
  send(body: Blob) {
    this.body = body;
  }
  abort() {
    this.onabort?.();
  }
  answer(status: number, text = '') {
    Object.assign(this, { status, responseText: text });
    this.onload?.();
  }
}

const body = new Blob(['x'.repeat(10)]);
const settle = async () => {
  for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('XMLHttpRequest', FakeRequest);
  FakeRequest.all = [];
  useTokens(async (renew) => (renew ? 'fresh' : 'old'));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('a part of a file', () => {
  it('goes with token and org, and tells how many bytes have left', async () => {
    const sent: number[] = [];
    const put = putPart('org_1', 'att_1', 2, body, { sent: (bytes) => sent.push(bytes), signal: new AbortController().signal });
    await settle();
    const [request] = FakeRequest.all;
    expect([request?.line, request?.headers['authorization'], request?.headers['x-org-id'], request?.body]).toEqual([
      'PUT /v1/attachments/att_1/parts/2', 'Bearer old', 'org_1', body,
    ]);
    request?.upload.onprogress?.({ loaded: 4 });
    request?.upload.onprogress?.({ loaded: 10 });
    request?.answer(204);
    await put;
    expect(sent).toEqual([4, 10]);
  });

  it('goes once more with a fresh token when the one it had ended', async () => {
    const put = putPart('org_1', 'att_1', 1, body, { sent: () => undefined, signal: new AbortController().signal });
    await settle();
    FakeRequest.all[0]?.answer(401, '{}');
    await settle();
    expect(FakeRequest.all[1]?.headers['authorization']).toBe('Bearer fresh');
    FakeRequest.all[1]?.answer(204);
    await put;
  });

  it('is refused by type', async () => {
    const put = putPart('org_1', 'att_1', 1, body, { sent: () => undefined, signal: new AbortController().signal });
    const seen = expect(put).rejects.toSatisfy((error) => error instanceof Refused && error.code === 'too_large');
    await settle();
    FakeRequest.all[0]?.answer(413, JSON.stringify({ type: 'about:blank', title: 'Too large', status: 413, code: 'too_large' }));
    await seen;
  });

  it('is taken for lost when nothing moves for a minute, but not while it moves', async () => {
    const put = putPart('org_1', 'att_1', 1, body, { sent: () => undefined, signal: new AbortController().signal });
    let ended = false;
    const seen = expect(put.finally(() => (ended = true))).rejects.toBeInstanceOf(Unreachable);
    await settle();
    await vi.advanceTimersByTimeAsync(59_000);
    FakeRequest.all[0]?.upload.onprogress?.({ loaded: 1 });
    await vi.advanceTimersByTimeAsync(59_000);
    expect(ended).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    await seen;
  });

  it('ends with its signal', async () => {
    const stop = new AbortController();
    const put = putPart('org_1', 'att_1', 1, body, { sent: () => undefined, signal: stop.signal });
    const seen = expect(put).rejects.toBeInstanceOf(Unreachable);
    await settle();
    stop.abort();
    await seen;
  });
});
