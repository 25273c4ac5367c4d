// How a call is made: bearer token, time limit, refusals as errors. Knows no resource.
import createClient from 'openapi-fetch';

import type { Problem } from './events';
import { Refused, Unreachable } from './problem';
import type { paths } from './schema';

/** Longest wait for an answer. */
const TIMEOUT_MS = 20_000;
/** Longest wait for a file. */
const FILE_TIMEOUT_MS = 10 * 60_000;

/** Operations that need no token; what they are asked with goes out without one. */
const OPEN = /^\/v1\/auth\/(?:login|signup|refresh)$|^\/v1\/invitations\/[^/]+$/;

/** Gives the access token; `renew` asks for another than the one just refused. */
export type TokenSource = (renew: boolean) => Promise<string>;

let tokens: TokenSource | undefined;

/** Names where access tokens come from. */
export function useTokens(source: TokenSource): void {
  tokens = source;
}

/** The access token, for a call that is not made by the client; none before anybody signed in. */
export const bearer = async (renew: boolean): Promise<string | undefined> => tokens?.(renew);

/** The typed client of the API. Use with `answer`. */
export const client = createClient<paths>({ baseUrl: '/', credentials: 'same-origin', fetch: (request) => send(request) });

/** What a call answers. Throws `Refused` or `Unreachable`. */
export async function answer<T>(call: Promise<{ data?: T; response: Response }>): Promise<T> {
  // A refusal has been thrown by `send`; what comes back here has been answered.
  return (await call).data as T;
}

/** Sends what may take long, such as a file. Given to a call as its `fetch`. */
export const patiently = (request: Request): Promise<Response> => send(request, FILE_TIMEOUT_MS);

/** Sends what may be refused with 401 for what is in it, and not for the token. Given to a call as its `fetch`. */
export const once = (request: Request): Promise<Response> => send(request, TIMEOUT_MS, false);

async function send(request: Request, timeout = TIMEOUT_MS, twice = true): Promise<Response> {
  const open = OPEN.test(new URL(request.url).pathname);
  const again = open || !twice ? null : request.clone();
  let response = await attempt(request, open, false, timeout);
  // The token may have ended on its way, or on another device: one more try with a fresh one.
  if (response.status === 401 && again) response = await attempt(again, open, true, timeout);
  if (!response.ok) throw new Refused(await problemOf(response));
  return response;
}

async function attempt(request: Request, open: boolean, renew: boolean, timeout: number): Promise<Response> {
  if (!open && tokens) request.headers.set('authorization', `Bearer ${await tokens(renew)}`);
  try {
    return await fetch(request, { signal: AbortSignal.timeout(timeout) });
  } catch (error) {
    throw new Unreachable(error);
  }
}

/** The refusal in an answer; one made up from the status where a proxy answered instead of Slipway. */
export async function problemOf(response: Response): Promise<Problem> {
  try {
    const body: unknown = await response.json();
    if (typeof body === 'object' && body !== null && 'code' in body && 'title' in body) return body as Problem;
  } catch {
    // Not JSON: fall through.
  }
  const code = response.status === 401 ? 'unauthenticated' : response.status === 404 ? 'not_found' : 'unavailable';
  return { type: 'about:blank', title: response.statusText || 'No usable answer', status: response.status, code };
}
