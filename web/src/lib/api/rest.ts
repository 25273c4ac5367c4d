// The REST operations that the app uses, one function each.
import { call } from './http';
import type {
  Agent,
  Channel,
  Chat,
  ChatSummary,
  EventsPage,
  Invitation,
  InvitationPreview,
  Member,
  NewInvitation,
  Org,
  Page,
  Posted,
  Role,
  SocketTicket,
  TurnStatus,
  Visibility,
} from './resources';

export interface PageQuery {
  limit?: number;
  cursor?: string;
}

const at = (strings: TemplateStringsArray, ...values: string[]): string =>
  String.raw({ raw: strings }, ...values.map(encodeURIComponent));

export const orgs = {
  create: (name: string) => call<Org>('POST', '/v1/orgs', { body: { name } }),
};

export const members = {
  list: (org: string, query: PageQuery = {}) =>
    call<Page<Member>>('GET', at`/v1/orgs/${org}/members`, { org, query: { ...query } }),
  setRole: (org: string, member: string, role: Role) =>
    call<Member>('POST', at`/v1/orgs/${org}/members/${member}/role`, { org, body: { role } }),
};

export const invitations = {
  list: (org: string, query: PageQuery = {}) =>
    call<Page<Invitation>>('GET', at`/v1/orgs/${org}/invitations`, { org, query: { ...query } }),
  create: (org: string, email: string, role: Role) =>
    call<NewInvitation>('POST', at`/v1/orgs/${org}/invitations`, { org, body: { email, role } }),
  revoke: (org: string, invitation: string) =>
    call<void>('DELETE', at`/v1/orgs/${org}/invitations/${invitation}`, { org }),
  preview: (token: string) => call<InvitationPreview>('GET', at`/v1/invitations/${token}`, { open: true }),
  accept: (token: string) => call<{ org: string }>('POST', at`/v1/invitations/${token}/accept`),
};

export const channels = {
  list: (org: string, query: PageQuery = {}) =>
    call<Page<Channel>>('GET', at`/v1/orgs/${org}/channels`, { org, query: { ...query } }),
  create: (org: string, body: { name: string; visibility: Visibility; topic: string }) =>
    call<Channel>('POST', at`/v1/orgs/${org}/channels`, { org, body }),
  members: (org: string, channel: string, query: PageQuery = {}) =>
    call<Page<Member>>('GET', at`/v1/orgs/${org}/channels/${channel}/members`, { org, query: { ...query } }),
  addMember: (org: string, channel: string, user: string) =>
    call<void>('POST', at`/v1/orgs/${org}/channels/${channel}/members`, { org, body: { user } }),
};

export const agents = {
  list: (org: string, query: PageQuery = {}) =>
    call<Page<Agent>>('GET', at`/v1/orgs/${org}/agents`, { org, query: { ...query } }),
  create: (
    org: string,
    body: { slug: string; name: string; instructions: string; model: string; is_default: boolean },
  ) => call<Agent>('POST', at`/v1/orgs/${org}/agents`, { org, body }),
  update: (
    org: string,
    agent: string,
    body: Partial<Pick<Agent, 'name' | 'instructions' | 'model' | 'enabled' | 'is_default'>>,
  ) => call<Agent>('PATCH', at`/v1/orgs/${org}/agents/${agent}`, { org, body }),
};

export const chats = {
  list: (org: string, channel: string, query: PageQuery = {}) =>
    call<Page<ChatSummary>>('GET', at`/v1/orgs/${org}/channels/${channel}/chats`, { org, query: { ...query } }),
  create: (org: string, channel: string, body: { title: string; agents?: string[] }) =>
    call<Chat>('POST', at`/v1/orgs/${org}/channels/${channel}/chats`, { org, body }),
  get: (org: string, chat: string) => call<Chat>('GET', at`/v1/chats/${chat}`, { org }),
  update: (org: string, chat: string, body: { title?: string; default_agent?: string | null }) =>
    call<Chat>('PATCH', at`/v1/chats/${chat}`, { org, body }),
  addParticipant: (org: string, chat: string, body: { user: string } | { agent: string }) =>
    call<Chat>('POST', at`/v1/chats/${chat}/participants`, { org, body }),
  removeParticipant: (org: string, chat: string, participant: string) =>
    call<Chat>('DELETE', at`/v1/chats/${chat}/participants/${participant}`, { org }),
  events: (
    org: string,
    chat: string,
    query: { after?: number; before?: number; limit?: number },
    signal?: AbortSignal,
  ) => call<EventsPage>('GET', at`/v1/chats/${chat}/events`, { org, query, signal }),
  ticket: (org: string, chat: string, signal?: AbortSignal) =>
    call<SocketTicket>('POST', at`/v1/chats/${chat}/socket-ticket`, { org, signal }),
};

export const messages = {
  post: (org: string, chat: string, body: { client_id: string; text: string; reply_to?: string }) =>
    call<Posted>('POST', at`/v1/chats/${chat}/messages`, { org, body }),
  edit: (org: string, chat: string, message: string, text: string) =>
    call<Posted>('PATCH', at`/v1/chats/${chat}/messages/${message}`, { org, body: { text } }),
  remove: (org: string, chat: string, message: string) =>
    call<Posted>('DELETE', at`/v1/chats/${chat}/messages/${message}`, { org }),
  react: (org: string, chat: string, message: string, emoji: string, on: boolean) =>
    call<Posted>(on ? 'PUT' : 'DELETE', at`/v1/chats/${chat}/messages/${message}/reactions/${emoji}`, { org }),
};

export const turns = {
  cancel: (org: string, turn: string) => call<TurnStatus>('POST', at`/v1/turns/${turn}/cancel`, { org }),
};
