// What the parts of one open chat share.
import { createContext } from 'svelte';

import type { Message } from '../log.ts';
import type { Room } from '../room.svelte.ts';

export interface ChatActions {
  reply(message: Message): void;
  /** Opens the message's text for editing in its place. */
  edit(message: Message | null): void;
  editing(): string | null;
  remove(message: Message): void;
  react(message: Message, emoji: string): void;
  copyMarkdown(message: Message): void;
  copyLink(message: Message): void;
  jump(message: string): void;
  /** Puts the text of a message that failed back into the composer. */
  reclaim(text: string, replyTo: string | undefined): void;
  /** Puts words for a new message into the composer; whoever reads them sends them. */
  propose(text: string): void;
  /** Opens a port of a sandbox beside the chat. */
  openPreview(sandbox: string, port: number): void;
  agentsHref: string;
}

export const [chatRoom, provideRoom] = createContext<() => Room>();
export const [chatActions, provideActions] = createContext<ChatActions>();
