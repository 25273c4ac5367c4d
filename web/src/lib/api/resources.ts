// The REST resources, by the names that the app uses. Generated types; see the script `types`.
import type { Event } from './events';
import type { components } from './schema';

type Schemas = components['schemas'];

export type Role = Schemas['Role'];
export type Visibility = Schemas['Visibility'];
export type User = Schemas['User'];
export type Session = Schemas['Session'];
export type Org = Schemas['Org'];
export type Me = Schemas['Me'];
export type Channel = Schemas['Channel'];
export type ChatSummary = Schemas['ChatSummary'];
export type Unread = Schemas['Unread'];
export type UnreadChat = Schemas['UnreadChat'];
export type TurnState = Schemas['TurnState'];
/** Also what events carry: there a missing slug is left out. */
export type Participant = Schemas['Participant'];
export type OpenTurn = Schemas['OpenTurn'];
export type Chat = Schemas['Chat'];
/** With the events as the socket sends them too: one type for what comes either way. */
export type EventsPage = Omit<Schemas['EventsPage'], 'events'> & { events: Event[] };
export type Posted = Schemas['Posted'];
export type Member = Schemas['Member'];
export type Invitation = Schemas['Invitation'];
export type InvitationPreview = Schemas['InvitationPreview'];
export type Agent = Schemas['Agent'];

export type Approval = Schemas['Approval'];
/** Also what events carry: there what is absent is left out. */
export type ApprovalAsk = Schemas['ApprovalAsk'];
export type Fork = Schemas['Fork'];
export type ForkState = Schemas['ForkState'];
export type ContextItem = Schemas['ContextItem'];
export type ContextScope = Schemas['ContextScope'];
export type ContextState = Schemas['ContextState'];
export type FoundItems = Schemas['FoundItems'];
export type CreateContextItem = Schemas['CreateContextItem'];
export type UpdateContextItem = Schemas['UpdateContextItem'];
export type Config = Schemas['Config'];
export type ConfigEntry = Schemas['ConfigEntry'];
export type ConfigKey = Schemas['ConfigKey'];
export type Found = Schemas['Found'];
export type SandboxStatus = Schemas['SandboxStatus'];
export type ApprovalPolicy = Schemas['ApprovalPolicy'];
export type Sandbox = Schemas['Sandbox'];
export type RequestSandbox = Schemas['RequestSandbox'];
export type PreviewToken = Schemas['PreviewToken'];
export type FileList = Schemas['FileList'];
export type FileEntry = Schemas['FileEntry'];
export type Artifact = Schemas['Artifact'];
export type UsageBy = Schemas['UsageBy'];
export type UsageReport = Schemas['UsageReport'];
export type UsageSum = Schemas['UsageSum'];
export type Quota = Schemas['Quota'];
export type Quotas = Schemas['Quotas'];
export type QuotaLimit = Schemas['QuotaLimit'];
export type QuotaLimits = Schemas['QuotaLimits'];
export type HeldLimit = Schemas['HeldLimit'];
export type Snapshot = Schemas['Snapshot'];
export type Deletion = Schemas['Deletion'];
export type DeletionStep = Schemas['DeletionStep'];
export type DeletionPreview = Schemas['DeletionPreview'];
export type DeletedCount = Schemas['DeletedCount'];
export type DeletedKind = Schemas['DeletedKind'];
export type Retention = Schemas['Retention'];

export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}
