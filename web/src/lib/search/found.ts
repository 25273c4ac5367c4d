// Pages of what was found across an org. The API ranks; "newest" is the newest of the best that it gives, sorted here.
import { search } from '#lib/api/forks.ts';
import type { Found, Page } from '#lib/api/resources.ts';

import { type Wanted, queryOf } from './query.ts';

const PAGE = 20;
/** The largest page, and how many of them the API goes deep. */
const LARGE_PAGE = 50;
const DEEP = 4;

export type Find = (query: { limit: number; cursor?: string }) => Promise<Page<Found>>;

export const finderOf = (org: string, wanted: Wanted): Find => (query) => search.org(org, { ...query, ...queryOf(wanted) });

/** One page of the best, or all that can be had with the newest first. */
export async function pageOf(find: Find, sort: Wanted['sort'], cursor?: string): Promise<Page<Found>> {
  if (sort === 'best') return find({ limit: PAGE, ...(cursor ? { cursor } : {}) });
  const items: Found[] = [];
  let next: string | undefined;
  for (let page = 0; page < DEEP; page += 1) {
    const some = await find({ limit: LARGE_PAGE, ...(next ? { cursor: next } : {}) });
    items.push(...some.items);
    next = some.next_cursor ?? undefined;
    if (!next) break;
  }
  return { items: items.sort((one, other) => Date.parse(other.at) - Date.parse(one.at)) };
}
