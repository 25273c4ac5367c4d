// What the parts of one open chat share.
import { createContext } from 'svelte';

import type { Attachment } from '#lib/api/events.ts';

import type { Message } from '../log.ts';
import type { Room, Talk } from '../room.svelte.ts';

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
  /** Puts the text and the files of a message that failed back into the composer. */
  reclaim(text: string, replyTo: string | undefined, files?: readonly Attachment[]): void;
  /** Puts words for a new message into the composer; whoever reads them sends them. */
  propose(text: string): void;
  /** Opens a port of a sandbox beside the chat. */
  openPreview(sandbox: string, port: number): void;
  /** Asks what a fork from the message shall settle; absent where there can be none. */
  startFork?: ((message: Message) => void) | undefined;
  /** Pins a message for the chat's agents, or takes the pin back; absent where there is nothing to pin. */
  pin?: ((message: Message, on: boolean) => void) | undefined;
  /** Writes down for agents what a message says; absent where that begins elsewhere. */
  keep?: ((message: Message) => void) | undefined;
  /** What of the chat itself can be gone to, also from a fork. */
  inChat: { message(id: string): void; summary(to: number): void; item(id: string): void };
  /** Opens a fork beside the chat, at one of its messages if one is named. */
  openFork(fork: string, message?: string): void;
  agentsHref: string;
}

/** The chat, or the fork of it, that a message or a composer stands in. */
export const [chatRoom, provideRoom] = createContext<() => Talk>();
/** The chat itself, wherever one is in it. */
export const [wholeRoom, provideWholeRoom] = createContext<() => Room>();
export const [chatActions, provideActions] = createContext<ChatActions>();
