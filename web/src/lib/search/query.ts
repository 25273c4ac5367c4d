// What is looked for across an org, as it stands in the address of the search page.

export interface Wanted {
  q: string;
  channel?: string;
  author?: string;
  /** Days, as `2026-11-20`, of the viewer's zone; both included. */
  from?: string;
  to?: string;
  sort: 'best' | 'newest';
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

export function wantedIn(params: Pick<URLSearchParams, 'get'>): Wanted {
  const wanted: Wanted = { q: params.get('q') ?? '', sort: params.get('sort') === 'newest' ? 'newest' : 'best' };
  for (const key of ['channel', 'author'] as const) {
    const value = params.get(key);
    if (value) wanted[key] = value;
  }
  for (const key of ['from', 'to'] as const) {
    const value = params.get(key);
    if (value && DAY.test(value) && !Number.isNaN(Date.parse(value))) wanted[key] = value;
  }
  return wanted;
}

export function paramsOf(wanted: Wanted): string {
  const params = new URLSearchParams();
  for (const key of ['q', 'channel', 'author', 'from', 'to'] as const) if (wanted[key]) params.set(key, wanted[key]);
  if (wanted.sort === 'newest') params.set('sort', 'newest');
  return params.toString();
}

/** The query of the API: days become moments of the viewer's zone, the last day is included. */
export function queryOf({ q, channel, author, from, to }: Wanted): { q: string; channel?: string; author?: string; from?: string; to?: string } {
  return {
    q: q.trim(),
    ...(channel ? { channel } : {}),
    ...(author ? { author } : {}),
    ...(from ? { from: startOf(from, 0) } : {}),
    ...(to ? { to: startOf(to, 1) } : {}),
  };
}

function startOf(day: string, plus: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + plus).toISOString();
}

/** Where a found message is: a message of a fork opens the fork. */
export const linkTo = (org: string, found: { channel: string; chat: string; message: string; fork?: string | null | undefined }): string =>
  `/o/${org}/c/${found.channel}/${found.chat}?${found.fork ? `fork=${found.fork}&` : ''}m=${found.message}`;
