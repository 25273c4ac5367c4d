// One HTTP call: bearer token, org, time limit, problem details. Knows no resource.
import type { Problem } from './events';
import { Refused, Unreachable } from './problem';

/** Longest wait for an answer. */
const TIMEOUT_MS = 20_000;

export interface Call {
  /** The org the call is about; goes into `X-Org-Id`. */
  org?: string;
  body?: unknown;
  query?: Record<string, string | number | undefined>;
  signal?: AbortSignal;
  /** Without a token: sign-in, sign-up, refresh, the preview of an invitation. */
  open?: boolean;
  /** The answer is wanted even if the page goes away meanwhile. */
  keepalive?: boolean;
}

/** Gives the access token; `renew` asks for another than the one just refused. */
export type TokenSource = (renew: boolean) => Promise<string>;

let tokens: TokenSource | undefined;

/** Names where access tokens come from. */
export function useTokens(source: TokenSource): void {
  tokens = source;
}

/** Makes a call. Throws `Refused` or `Unreachable`; an abort by the caller is thrown on as it is. */
export async function call<T>(method: string, path: string, options: Call = {}): Promise<T> {
  const first = await attempt(method, path, options, false);
  const answer = first.status === 401 && !options.open ? await attempt(method, path, options, true) : first;
  if (!answer.ok) throw new Refused(await problemOf(answer));
  if (answer.status === 204) return undefined as T;
  const text = await answer.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

async function attempt(method: string, path: string, options: Call, renew: boolean): Promise<Response> {
  const headers = new Headers({ accept: 'application/json' });
  if (options.body !== undefined) headers.set('content-type', 'application/json');
  if (options.org !== undefined) headers.set('x-org-id', options.org);
  if (!options.open && tokens) headers.set('authorization', `Bearer ${await tokens(renew)}`);
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  try {
    return await fetch(address(path, options.query), {
      method,
      headers,
      signal,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      credentials: 'same-origin',
      keepalive: options.keepalive ?? false,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Unreachable(error);
  }
}

function address(path: string, query: Call['query']): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) search.set(name, String(value));
  }
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** The refusal in an answer; one made up from the status where a proxy answered instead of Slipway. */
async function problemOf(answer: Response): Promise<Problem> {
  try {
    const body: unknown = await answer.json();
    if (typeof body === 'object' && body !== null && 'code' in body && 'title' in body) return body as Problem;
  } catch {
    // Not JSON: fall through.
  }
  const code = answer.status === 401 ? 'unauthenticated' : answer.status === 404 ? 'not_found' : 'unavailable';
  return { type: 'about:blank', title: answer.statusText || 'No usable answer', status: answer.status, code };
}
