// The REST operations about forks and search. Apart from the others, because no first screen needs them.
import { answer, client } from './http';
import type { ForkState } from './resources';
import { type PageQuery, within } from './rest';

export const forks = {
  list: (org: string, chat: string, query: PageQuery & { state?: ForkState } = {}) =>
    answer(client.GET('/v1/chats/{chat}/forks', { params: { path: { chat }, query, header: within(org) } })),
  create: (org: string, chat: string, body: { message: string; description: string; client_id: string }) =>
    answer(client.POST('/v1/chats/{chat}/forks', { params: { path: { chat }, header: within(org) }, body })),
  /** Has the default agent draft the summary. */
  draft: (org: string, chat: string, fork: string) =>
    answer(client.POST('/v1/chats/{chat}/forks/{fork}/resolve', { params: { path: { chat, fork }, header: within(org) } })),
  accept: (org: string, chat: string, fork: string, body: { summary: string; evidence: string[]; draft?: string }) =>
    answer(client.POST('/v1/chats/{chat}/forks/{fork}/accept', { params: { path: { chat, fork }, header: within(org) }, body })),
  abandon: (org: string, chat: string, fork: string) =>
    answer(client.POST('/v1/chats/{chat}/forks/{fork}/abandon', { params: { path: { chat, fork }, header: within(org) } })),
};

export const search = {
  chat: (org: string, chat: string, query: PageQuery & { q: string }) =>
    answer(client.GET('/v1/chats/{chat}/search', { params: { path: { chat }, query, header: within(org) } })),
  org: (
    org: string,
    query: PageQuery & { q: string; channel?: string; author?: string; from?: string; to?: string },
  ) => answer(client.GET('/v1/orgs/{org}/search', { params: { path: { org }, query, header: within(org) } })),
};
