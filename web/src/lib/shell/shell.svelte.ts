// What lies over the workspace at the moment: drawer, palette, dialogs that more than one place opens.
import type { Doomed } from '#lib/org/deletion/doomed.ts';

class Shell {
  drawer = $state(false);
  palette = $state(false);
  shortcuts = $state(false);
  newChannel = $state(false);
  newChat = $state(false);
  /** What is about to be deleted, until its report was read. */
  doomed = $state.raw<Doomed | null>(null);
  /** Something wide stands beside the chat: the list of chats makes room. */
  beside = $state(false);
}

export const shell = new Shell();
