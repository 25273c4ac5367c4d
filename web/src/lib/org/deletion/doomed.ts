// What somebody is about to delete, with what the app does about it on the screen that they came from.

export type Subject =
  | { kind: 'chat'; org: string; id: string; name: string }
  | { kind: 'channel'; org: string; id: string; name: string }
  | { kind: 'org'; id: string; name: string }
  | { kind: 'account'; name: string };

export type SubjectKind = Subject['kind'];

export type Doomed = Subject & {
  /** The server has taken it out of all lists: so do those here, and the page leaves it. */
  onasked: () => void | Promise<void>;
  /** The dialog was closed after that. */
  onread?: () => void;
};
