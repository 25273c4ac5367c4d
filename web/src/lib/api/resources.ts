// The REST resources, by the names that the app uses.
import type { Event, Participant } from './events';

export type Role = 'guest' | 'member' | 'admin' | 'owner';
export type Visibility = 'public' | 'private';

export type User = { id: string; email: string; display_name: string };
export type Session = { access_token: string; expires_at: string; user: User };
export type Org = { id: string; name: string; member: string; role: Role; created_at: string };
export type Me = { user: User; orgs: Org[] };
export type Channel = {
  id: string;
  name: string;
  visibility: Visibility;
  topic: string;
  created_at: string;
  unread: number;
};
export type ChatSummary = {
  id: string;
  channel: string;
  title: string;
  created_at: string;
  last_message_at: string;
  preview: string;
  message_count: number;
  unread: number;
  participant: boolean;
};
export type TurnState = 'queued' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled';
export type OpenTurn = { id: string; agent: string; state: TurnState };
export type Chat = {
  id: string;
  org: string;
  channel: string;
  title: string;
  created_at: string;
  head: number;
  message_count: number;
  default_agent?: string | null;
  participants: Participant[];
  read: number;
  unread: number;
  open_turns: OpenTurn[];
};
export type EventsPage = { events: Event[]; head: number };
export type Posted = { message: string; seq: number; at: string };
export type SocketTicket = { ticket: string; expires_at: string };
export type TurnStatus = { id: string; state: TurnState };
export type Member = {
  id: string;
  user: string;
  display_name: string;
  email: string;
  role: Role;
  joined_at: string;
};
export type Invitation = { id: string; email: string; role: Role; invited_by: string; expires_at: string };
export type NewInvitation = { invitation: Invitation; token: string; url: string };
export type InvitationPreview = {
  org_name: string;
  invited_by: string;
  email: string;
  role: Role;
  expires_at: string;
};
export type Agent = {
  id: string;
  slug: string;
  name: string;
  instructions: string;
  model: string;
  enabled: boolean;
  is_default: boolean;
  created_at: string;
};
export type Page<T> = { items: T[]; next_cursor?: string };
