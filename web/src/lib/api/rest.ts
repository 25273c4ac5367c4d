// The REST operations that the app uses, one function each. Paths, bodies and answers are checked against the API's document.
import { answer, client } from './http';
import type { Agent, EventsPage, Role, Visibility } from './resources';

export interface PageQuery {
  limit?: number;
  cursor?: string;
}

/** Every call within an org names it, besides the path. */
export const within = (org: string) => ({ 'X-Org-Id': org });

export const auth = {
  logIn: (email: string, password: string) => answer(client.POST('/v1/auth/login', { body: { email, password } })),
  signUp: (email: string, password: string, display_name: string) =>
    answer(client.POST('/v1/auth/signup', { body: { email, password, display_name } })),
  /** The answer sets the next cookie, so it must arrive even when the page is left meanwhile. */
  refresh: () => answer(client.POST('/v1/auth/refresh', { keepalive: true })),
  logOut: () => answer(client.POST('/v1/auth/logout')),
  logOutEverywhere: () => answer(client.POST('/v1/auth/logout-all')),
  me: () => answer(client.GET('/v1/me')),
};

export const orgs = {
  create: (name: string) => answer(client.POST('/v1/orgs', { body: { name } })),
};

export const members = {
  list: (org: string, query: PageQuery = {}) =>
    answer(client.GET('/v1/orgs/{org}/members', { params: { path: { org }, query, header: within(org) } })),
  setRole: (org: string, member: string, role: Role) =>
    answer(
      client.POST('/v1/orgs/{org}/members/{member}/role', {
        params: { path: { org, member }, header: within(org) },
        body: { role },
      }),
    ),
  remove: (org: string, member: string) =>
    answer(client.DELETE('/v1/orgs/{org}/members/{member}', { params: { path: { org, member }, header: within(org) } })),
};

export const invitations = {
  list: (org: string, query: PageQuery = {}) =>
    answer(client.GET('/v1/orgs/{org}/invitations', { params: { path: { org }, query, header: within(org) } })),
  create: (org: string, email: string, role: Role) =>
    answer(
      client.POST('/v1/orgs/{org}/invitations', {
        params: { path: { org }, header: within(org) },
        body: { email, role },
      }),
    ),
  revoke: (org: string, invitation: string) =>
    answer(
      client.DELETE('/v1/orgs/{org}/invitations/{invitation}', {
        params: { path: { org, invitation }, header: within(org) },
      }),
    ),
  preview: (token: string) => answer(client.GET('/v1/invitations/{token}', { params: { path: { token } } })),
  accept: (token: string) => answer(client.POST('/v1/invitations/{token}/accept', { params: { path: { token } } })),
};

/** What is unread in all chats, or what of it changed. */
export const unread = (org: string, query: { since?: number; channel?: string }) =>
  answer(client.GET('/v1/orgs/{org}/unread', { params: { path: { org }, query, header: within(org) } }));

export const channels = {
  list: (org: string, query: PageQuery = {}) =>
    answer(client.GET('/v1/orgs/{org}/channels', { params: { path: { org }, query, header: within(org) } })),
  create: (org: string, body: { name: string; visibility: Visibility; topic: string }) =>
    answer(client.POST('/v1/orgs/{org}/channels', { params: { path: { org }, header: within(org) }, body })),
  members: (org: string, channel: string, query: PageQuery = {}) =>
    answer(
      client.GET('/v1/orgs/{org}/channels/{channel}/members', {
        params: { path: { org, channel }, query, header: within(org) },
      }),
    ),
  addMember: (org: string, channel: string, user: string) =>
    answer(
      client.POST('/v1/orgs/{org}/channels/{channel}/members', {
        params: { path: { org, channel }, header: within(org) },
        body: { user },
      }),
    ),
};

export const agents = {
  list: (org: string, query: PageQuery = {}) =>
    answer(client.GET('/v1/orgs/{org}/agents', { params: { path: { org }, query, header: within(org) } })),
  create: (
    org: string,
    body: { slug: string; name: string; instructions: string; model: string; is_default: boolean },
  ) => answer(client.POST('/v1/orgs/{org}/agents', { params: { path: { org }, header: within(org) }, body })),
  update: (
    org: string,
    agent: string,
    body: Partial<Pick<Agent, 'name' | 'instructions' | 'model' | 'enabled' | 'is_default'>>,
  ) =>
    answer(
      client.PATCH('/v1/orgs/{org}/agents/{agent}', { params: { path: { org, agent }, header: within(org) }, body }),
    ),
};

export const chats = {
  list: (org: string, channel: string, query: PageQuery = {}) =>
    answer(
      client.GET('/v1/orgs/{org}/channels/{channel}/chats', {
        params: { path: { org, channel }, query, header: within(org) },
      }),
    ),
  create: (org: string, channel: string, body: { title: string; agents?: string[] }) =>
    answer(
      client.POST('/v1/orgs/{org}/channels/{channel}/chats', {
        params: { path: { org, channel }, header: within(org) },
        body,
      }),
    ),
  get: (org: string, chat: string) =>
    answer(client.GET('/v1/chats/{chat}', { params: { path: { chat }, header: within(org) } })),
  update: (org: string, chat: string, body: { title?: string; default_agent?: string | null }) =>
    answer(client.PATCH('/v1/chats/{chat}', { params: { path: { chat }, header: within(org) }, body })),
  addParticipant: (org: string, chat: string, body: { user: string } | { agent: string }) =>
    answer(client.POST('/v1/chats/{chat}/participants', { params: { path: { chat }, header: within(org) }, body })),
  removeParticipant: (org: string, chat: string, participant: string) =>
    answer(
      client.DELETE('/v1/chats/{chat}/participants/{participant}', {
        params: { path: { chat, participant }, header: within(org) },
      }),
    ),
  events: async (
    org: string,
    chat: string,
    query: { after?: number; before?: number; limit?: number; fork?: string },
  ): Promise<EventsPage> =>
    (await answer(
      client.GET('/v1/chats/{chat}/events', { params: { path: { chat }, query, header: within(org) } }),
    )) as EventsPage,
  ticket: (org: string, chat: string) =>
    answer(client.POST('/v1/chats/{chat}/socket-ticket', { params: { path: { chat }, header: within(org) } })),
};

export const messages = {
  post: (org: string, chat: string, body: { client_id: string; text: string; reply_to?: string; fork?: string; attachments?: string[] }) =>
    answer(client.POST('/v1/chats/{chat}/messages', { params: { path: { chat }, header: within(org) }, body })),
  edit: (org: string, chat: string, message: string, text: string) =>
    answer(
      client.PATCH('/v1/chats/{chat}/messages/{message}', {
        params: { path: { chat, message }, header: within(org) },
        body: { text },
      }),
    ),
  remove: (org: string, chat: string, message: string) =>
    answer(
      client.DELETE('/v1/chats/{chat}/messages/{message}', { params: { path: { chat, message }, header: within(org) } }),
    ),
  react: (org: string, chat: string, message: string, emoji: string, on: boolean) => {
    const params = { path: { chat, message, emoji }, header: within(org) };
    return on
      ? answer(client.PUT('/v1/chats/{chat}/messages/{message}/reactions/{emoji}', { params }))
      : answer(client.DELETE('/v1/chats/{chat}/messages/{message}/reactions/{emoji}', { params }));
  },
  pin: (org: string, chat: string, message: string, on: boolean) => {
    const params = { path: { chat, message }, header: within(org) };
    return on
      ? answer<unknown>(client.PUT('/v1/chats/{chat}/messages/{message}/pin', { params }))
      : answer<unknown>(client.DELETE('/v1/chats/{chat}/messages/{message}/pin', { params }));
  },
};

export const turns = {
  cancel: (org: string, turn: string) =>
    answer(client.POST('/v1/turns/{turn}/cancel', { params: { path: { turn }, header: within(org) } })),
};
