// The REST operations about attachments. Apart from the others, because no first screen needs them.
import { answer, bearer, client, problemOf } from './http';
import { Refused, Unreachable } from './problem';
import { within } from './rest';

/** Without a byte going or an answer coming for this long, a part is taken for lost. */
const SILENT_MS = 60_000;

export const attachments = {
  begin: (org: string, chat: string, body: { name: string; bytes: number; client_id: string }) =>
    answer(client.POST('/v1/chats/{chat}/attachments', { params: { path: { chat }, header: within(org) }, body })),
  complete: (org: string, attachment: string) =>
    answer(client.POST('/v1/attachments/{attachment}/complete', { params: { path: { attachment }, header: within(org) } })),
  /** What it is, and where its bytes are for a while. */
  get: (org: string, attachment: string) =>
    answer(client.GET('/v1/attachments/{attachment}', { params: { path: { attachment }, header: within(org) } })),
  remove: (org: string, attachment: string) =>
    answer(client.DELETE('/v1/attachments/{attachment}', { params: { path: { attachment }, header: within(org) } })),
};

export interface Putting {
  /** Told how many bytes have left. */
  sent: (bytes: number) => void;
  signal: AbortSignal;
}

/** Sends a part's bytes. Not by `fetch`, which does not tell how far a body is. */
export async function putPart(org: string, attachment: string, part: number, body: Blob, putting: Putting): Promise<void> {
  const path = `/v1/attachments/${encodeURIComponent(attachment)}/parts/${part}`;
  let response = await put(path, org, body, putting, await bearer(false));
  // The token may have ended on its way: one more try with a fresh one.
  if (response.status === 401) response = await put(path, org, body, putting, await bearer(true));
  if (!response.ok) throw new Refused(await problemOf(response));
}

function put(path: string, org: string, body: Blob, { sent, signal }: Putting, token: string | undefined): Promise<Response> {
  return new Promise((done, fail) => {
    if (signal.aborted) return fail(new Unreachable());
    const request = new XMLHttpRequest();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = (): void => request.abort();
    const end = (act: () => void) => (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      act();
    };
    const alive = (): void => {
      clearTimeout(timer);
      timer = setTimeout(stop, SILENT_MS);
    };
    signal.addEventListener('abort', stop);
    request.open('PUT', path);
    request.setRequestHeader('X-Org-Id', org);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    if (token) request.setRequestHeader('Authorization', `Bearer ${token}`);
    request.upload.onprogress = (event) => {
      alive();
      sent(event.loaded);
    };
    const failed = end(() => fail(new Unreachable()));
    request.onerror = failed;
    request.onabort = failed;
    request.onload = end(() => {
      const { status, statusText } = request;
      // An answer without a body may have none at all.
      done(new Response(status === 204 || status === 205 || status === 304 ? null : request.responseText, { status, statusText }));
    });
    alive();
    request.send(body);
  });
}
