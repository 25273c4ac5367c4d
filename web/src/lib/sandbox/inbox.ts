// The approvals of an org, for one person.
import { approvals } from '#lib/api/sandboxes.ts';
import type { Approval } from '#lib/api/resources.ts';
import { fromList } from '#lib/chat/approvals.ts';

import { standing } from './standing.ts';

/** More than these are told as "99+" anyway. */
const MOST = 100;

/** Whether it waits for this person. */
export const waitsFor = (approval: Approval, me: string): boolean =>
  standing(fromList(approval), { me, guest: false }).may === 'decide';

/** How many approvals wait for this person. */
export async function countForMe(org: string, me: string): Promise<number> {
  const { items } = await approvals.list(org, { state: 'open', limit: MOST });
  return items.filter((approval) => waitsFor(approval, me)).length;
}
