// The REST operations about deletions and retention. Apart from the others, because no first screen needs them.
import { answer, client, once } from './http';
import type { Retention } from './resources';
import { within } from './rest';

export const deletions = {
  /** How a deletion goes. Needs no org: of a deleted one there is nothing to be in. */
  read: (deletion: string) => answer(client.GET('/v1/deletions/{deletion}', { params: { path: { deletion } } })),

  chat: {
    preview: (org: string, chat: string) =>
      answer(client.GET('/v1/chats/{chat}/deletion-preview', { params: { path: { chat }, header: within(org) } })),
    ask: (org: string, chat: string) =>
      answer(client.DELETE('/v1/chats/{chat}', { params: { path: { chat }, header: within(org) } })),
  },
  channel: {
    preview: (org: string, channel: string) =>
      answer(
        client.GET('/v1/orgs/{org}/channels/{channel}/deletion-preview', {
          params: { path: { org, channel }, header: within(org) },
        }),
      ),
    ask: (org: string, channel: string) =>
      answer(client.DELETE('/v1/orgs/{org}/channels/{channel}', { params: { path: { org, channel }, header: within(org) } })),
  },
  org: {
    preview: (org: string) =>
      answer(client.GET('/v1/orgs/{org}/deletion-preview', { params: { path: { org }, header: within(org) } })),
    ask: (org: string, name: string) =>
      answer(client.DELETE('/v1/orgs/{org}', { params: { path: { org }, header: within(org) }, body: { name } })),
  },
  account: {
    preview: () => answer(client.GET('/v1/me/deletion-preview')),
    /** A wrong password is refused with 401, and counts: it is sent once. */
    ask: (password: string) => answer(client.DELETE('/v1/me', { body: { password }, fetch: once })),
  },
};

export const retention = {
  read: (org: string): Promise<Retention> =>
    answer(client.GET('/v1/orgs/{org}/retention', { params: { path: { org }, header: within(org) } })),
  set: (org: string, body: Retention): Promise<Retention> =>
    answer(client.PUT('/v1/orgs/{org}/retention', { params: { path: { org }, header: within(org) }, body })),
};
