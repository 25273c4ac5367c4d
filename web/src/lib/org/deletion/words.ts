// What deletions take and took, how far they are, and what to do about refusals: in the words of people.
import { Refused, explain } from '#lib/api/problem.ts';
import type { DeletedCount, DeletedKind, Deletion, DeletionPreview, DeletionStep } from '#lib/api/resources.ts';
import { bytes } from '#lib/sandbox/words.ts';

import type { Subject, SubjectKind } from './doomed.ts';

/** The server counts no further before a deletion: this number says "so many or more". */
export const PREVIEW_MOST = 100_000;

const number = new Intl.NumberFormat('en-US');

/** In the order in which people would miss them. Those of the first group are shown large. */
const KINDS: Record<DeletedKind, { one: string; many: string; large: boolean }> = {
  channels: { one: 'channel', many: 'channels', large: true },
  chats: { one: 'chat', many: 'chats', large: true },
  messages: { one: 'message', many: 'messages', large: true },
  attachments: { one: 'file', many: 'files', large: true },
  artifacts: { one: 'artifact', many: 'artifacts', large: true },
  sandboxes: { one: 'sandbox', many: 'sandboxes', large: true },
  snapshots: { one: 'snapshot of a sandbox', many: 'snapshots of sandboxes', large: true },
  context_items: { one: 'context item', many: 'context items', large: true },
  agents: { one: 'agent', many: 'agents', large: true },
  members: { one: 'membership', many: 'memberships', large: false },
  invitations: { one: 'invitation', many: 'invitations', large: false },
  approvals: { one: 'approval', many: 'approvals', large: false },
  participants: { one: 'place in a chat', many: 'places in chats', large: false },
  channel_members: { one: 'place in a channel', many: 'places in channels', large: false },
  events: { one: 'event of a log', many: 'events of logs', large: false },
  archives: { one: 'archived chat', many: 'archived chats', large: false },
  files: { one: 'other stored file', many: 'other stored files', large: false },
  settings: { one: 'setting', many: 'settings', large: false },
  names: { one: 'entry with the name', many: 'entries with the name', large: false },
  sessions: { one: 'sign-in', many: 'sign-ins', large: false },
  accounts: { one: 'account', many: 'accounts', large: false },
  orgs: { one: 'org', many: 'orgs', large: false },
};
const ORDER = Object.keys(KINDS) as DeletedKind[];

/** The thing itself: that it goes needs no count. */
const ITSELF: Record<SubjectKind, DeletedKind> = { chat: 'chats', channel: 'channels', org: 'orgs', account: 'accounts' };

/** A count as it is drawn: a number, what it counts, and how large that is. */
export interface Figure {
  kind: DeletedKind | 'people';
  count: string;
  label: string;
  size: string;
}

export interface Figures {
  large: Figure[];
  small: Figure[];
}

/** What goes, before it does. */
export function consequences(preview: DeletionPreview, kind: SubjectKind): Figures {
  // People stand there as people, not as their places too.
  const told = new Set<string>([ITSELF[kind], ...(preview.people > 0 ? ['participants', 'channel_members', 'members'] : [])]);
  const { large, small } = figures(
    preview.removes.filter((one) => !told.has(one.kind)),
    true,
  );
  if (preview.people === 0) return { large, small };
  return { large: [people(preview.people), ...large], small };
}

/** What went, with what its parts had. */
export const removed = (deletion: Deletion): Figures => figures(deletion.removed, false);

/** What was found to be left. */
export const left = (deletion: Deletion): Figure[] => {
  const { large, small } = figures(deletion.leftovers, false);
  return [...large, ...small];
};

function figures(counts: readonly DeletedCount[], bounded: boolean): Figures {
  const known = new Map(counts.filter((one) => one.count > 0).map((one) => [one.kind, one]));
  const [sandboxes, snapshots] = [known.get('sandboxes'), known.get('snapshots')];
  if (bounded && sandboxes && snapshots) known.delete('snapshots');
  const all = [...known.values()].sort((one, other) => place(one.kind) - place(other.kind));
  const drawn = all.map((one) => {
    const shown = figure(one, bounded);
    if (!bounded || one !== sandboxes || !snapshots) return shown;
    const size = (one.bytes ?? 0) + (snapshots.bytes ?? 0);
    return {
      ...shown,
      label: one.count === 1 ? 'sandbox with its snapshots' : 'sandboxes with their snapshots',
      size: size > 0 ? bytes(size) : '',
    };
  });
  const large = (one: Figure): boolean => one.kind === 'people' || (KINDS[one.kind]?.large ?? false);
  return { large: drawn.filter(large), small: drawn.filter((one) => !large(one)) };
}

/** A kind that is newer than this page comes last, and shows as its name. */
function place(kind: DeletedKind): number {
  const at = ORDER.indexOf(kind);
  return at === -1 ? ORDER.length : at;
}

function figure({ kind, count, bytes: size }: DeletedCount, bounded: boolean): Figure {
  const words = KINDS[kind];
  const label = words ? (count === 1 ? words.one : words.many) : kind.replaceAll('_', ' ');
  return { kind, count: amount(count, bounded), label, size: size && size > 0 ? bytes(size) : '' };
}

const amount = (count: number, bounded: boolean): string =>
  bounded && count >= PREVIEW_MOST ? `${number.format(PREVIEW_MOST)} or more` : number.format(count);

const people = (count: number): Figure => ({
  kind: 'people',
  count: amount(count, true),
  label: count === 1 ? 'person loses it' : 'people lose it',
  size: '',
});

/** What goes besides the counts, and what stays. */
export function stays(kind: SubjectKind): string[] {
  switch (kind) {
    case 'chat':
    case 'channel':
      return [
        'The audit log keeps that it was deleted, when and by whom; no message.',
        'The usage ledger keeps what its sandboxes used.',
      ];
    case 'org':
      return [
        'The accounts of its members stay, without this org.',
        'The audit log keeps that it was deleted, when and by whom; the usage ledger what its sandboxes used.',
      ];
    case 'account':
      return [
        'What you wrote stays in its chats, under the name “Deleted user”.',
        'The audit logs of your orgs keep what you did, by your id.',
      ];
  }
}

/** The heading, by how far it is. */
export function heading(subject: Subject, phase: 'asking' | 'running' | 'done'): string {
  const name = subject.kind === 'account' ? 'your account' : `“${subject.name}”`;
  switch (phase) {
    case 'asking':
      return subject.kind === 'account' ? 'Delete your account?' : `Delete the ${subject.kind} ${name}?`;
    case 'running':
      return `Deleting ${name}`;
    case 'done':
      return `${name === 'your account' ? 'Your account' : name} was deleted`;
  }
}

/** The button, and the entry of a menu without its dots. */
export const deed: Record<SubjectKind, string> = {
  chat: 'Delete chat',
  channel: 'Delete channel',
  org: 'Delete org',
  account: 'Delete account',
};

/** What it means, in a sentence. */
export const meaning: Record<SubjectKind, string> = {
  chat: 'It is removed for everybody, with all that is in it. This cannot be undone.',
  channel: 'It is removed for everybody, with all of its chats. This cannot be undone.',
  org: 'It is removed for everybody, with its channels, chats, files and agents. This cannot be undone.',
  account: 'You are signed out everywhere and leave all of your orgs. This cannot be undone.',
};

/** Whether what was typed allows it: as much care as there is to lose. */
export function confirmed(subject: Subject, typed: string): boolean {
  switch (subject.kind) {
    case 'chat':
      return true;
    case 'channel':
    case 'org':
      return typed.trim() === subject.name.trim();
    case 'account':
      return typed !== '';
  }
}

/** Why it was refused, and what to do. */
export function whyNot(error: unknown, kind: SubjectKind): string {
  if (!(error instanceof Refused)) return explain(error);
  switch (error.code) {
    case 'wrong_credentials':
      return 'That is not your password.';
    case 'invalid_field':
      return kind === 'org' ? 'That is not the name of the org. Somebody may have renamed it meanwhile.' : explain(error);
    case 'not_found':
      return 'It is not there any more. Somebody may have deleted it already.';
    default:
      return explain(error);
  }
}

const STEPS: readonly DeletionStep[] = ['asked', 'closed', 'emptied', 'forgotten', 'verified', 'done'];

const SAYS: Record<DeletionStep, Record<SubjectKind, string>> = {
  asked: { chat: 'Out of all lists', channel: 'Out of all lists', org: 'Out of all lists', account: 'Signed out everywhere' },
  closed: { chat: 'Closed to everybody', channel: 'Closed to everybody', org: 'Closed to everybody', account: 'Out of every org and chat' },
  emptied: {
    chat: 'Files and sandboxes removed',
    channel: 'Chats removed',
    org: 'Channels and files removed',
    account: 'Name taken out of the chats',
  },
  forgotten: {
    chat: 'Messages removed',
    channel: 'Channel removed',
    org: 'Agents, members and settings removed',
    account: 'Account removed',
  },
  verified: { chat: 'Every place checked', channel: 'Every place checked', org: 'Every place checked', account: 'Every place checked' },
  done: { chat: 'Recorded', channel: 'Recorded', org: 'Recorded', account: 'Recorded' },
};

export interface StepLine {
  step: DeletionStep;
  text: string;
  state: 'done' | 'now' | 'ahead';
}

/** The steps, by the last one that it has come through. */
export function steps(last: DeletionStep, kind: SubjectKind): StepLine[] {
  const at = STEPS.indexOf(last);
  return STEPS.map((step, index) => ({
    step,
    text: SAYS[step][kind],
    state: index <= at ? 'done' : index === at + 1 ? 'now' : 'ahead',
  }));
}

/** "3 of 12 chats"; empty where there are no parts. */
export function partsText({ parts, subject }: Pick<Deletion, 'parts' | 'subject'>): string {
  if (parts.all === 0) return '';
  const what = subject.kind === 'org' ? KINDS.channels : KINDS.chats;
  return `${number.format(parts.done)} of ${number.format(parts.all)} ${parts.all === 1 ? what.one : what.many}`;
}
