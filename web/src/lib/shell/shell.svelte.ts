// What lies over the workspace at the moment: drawer, palette, dialogs that more than one place opens.

class Shell {
  drawer = $state(false);
  palette = $state(false);
  shortcuts = $state(false);
  newChannel = $state(false);
  newChat = $state(false);
  /** Something wide stands beside the chat: the list of chats makes room. */
  beside = $state(false);
}

export const shell = new Shell();
