// The REST operations about context items. Apart from the others, because no first screen needs them.
import { answer, client } from './http';
import type { CreateContextItem, ContextState, UpdateContextItem } from './resources';
import { type PageQuery, within } from './rest';

export const contextItems = {
  /** What agents of a chat may be given, and what they propose: the chat's, its channel's, the org's. */
  list: (org: string, query: PageQuery & { chat: string; state?: ContextState }) =>
    answer(client.GET('/v1/orgs/{org}/context-items', { params: { path: { org }, query, header: within(org) } })),
  /** The most fitting first, by what they mean or by their words: the answer says which. */
  search: (org: string, query: { q: string; chat?: string; limit?: number }) =>
    answer(client.GET('/v1/orgs/{org}/context-items/search', { params: { path: { org }, query, header: within(org) } })),
  create: (org: string, body: CreateContextItem) =>
    answer(client.POST('/v1/orgs/{org}/context-items', { params: { path: { org }, header: within(org) }, body })),
  update: (org: string, item: string, body: UpdateContextItem) =>
    answer(client.PATCH('/v1/orgs/{org}/context-items/{item}', { params: { path: { org, item }, header: within(org) }, body })),
  remove: (org: string, item: string) =>
    answer<unknown>(client.DELETE('/v1/orgs/{org}/context-items/{item}', { params: { path: { org, item }, header: within(org) } })),
};
