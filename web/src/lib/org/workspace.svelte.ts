// What the app knows of one org: channels, chat lists, members, agents. Screens read it; nothing here draws.
import { createContext, untrack } from 'svelte';

import { agents, channels, chats, members, unread } from '#lib/api/rest.ts';
import type { Agent, Channel, ChatSummary, Member, Org, Role } from '#lib/api/resources.ts';
import { appearance } from '#lib/appearance.svelte.ts';
import { Paged } from '#lib/paged.svelte.ts';
import { session } from '#lib/session.svelte.ts';
import { words } from '#lib/words.svelte.ts';

import type { OrgConfig } from './config.ts';
import { type Counts, Marks } from './unread.svelte.ts';

/** What changed is asked for this often while the page is visible. */
const POLL_MS = 10_000;
/** And once this soon after a channel was opened or a chat was left: what is listed lags the chats by moments. */
const SOON_MS = 3_000;

/** The inbox lags the chats by moments. */
const INBOX_LAG_MS = 1_500;

/** What the org set for itself, and its channels, are asked for again after this long. */
const CONFIG_MS = 5 * 60_000;

const RANK: Record<Role, number> = { guest: 0, member: 1, admin: 2, owner: 3 };

export class Workspace {
  readonly id: string;
  readonly channels: Paged<Channel>;
  readonly members: Paged<Member>;
  readonly agents: Paged<Agent>;
  /** What is unread. */
  readonly marks: Marks;
  /** Approvals that wait for this person. */
  approvals = $state(0);
  /** What the org set for itself; null until that is known, or could not be known. */
  config = $state.raw<OrgConfig | null>(null);
  /** Channels stand where they belong. */
  placed = $state(false);
  #configAt = 0;
  readonly #chats = new Map<string, Paged<ChatSummary>>();
  /** How many chat lists there are: tells that there is another one to read. */
  #made = $state(0);
  #opened: string | null = null;
  #soon: ReturnType<typeof setTimeout> | undefined;
  #recount: ReturnType<typeof setTimeout> | undefined;
  #asking = false;
  #channelsAt = Date.now();
  #noted: { channel: string; id: string; change: Partial<ChatSummary> } | null = null;

  constructor(id: string) {
    this.id = id;
    this.channels = new Paged((query) => channels.list(id, { limit: 200, ...query }));
    this.members = new Paged((query) => members.list(id, query));
    this.agents = new Paged((query) => agents.list(id, query));
    this.marks = new Marks((query) => unread(id, query));
  }

  get org(): Org | undefined {
    return session.orgs?.find((org) => org.id === this.id);
  }

  /** Whether the user's role is `role` or above. */
  may(role: Role): boolean {
    return RANK[this.org?.role ?? 'guest'] >= RANK[role];
  }

  /** What is unread in a channel: as it was listed, until the first answer about that alone. */
  unreadIn(channel: Channel): Counts {
    return this.marks.known ? this.marks.in(channel.id) : { unread: channel.unread, mentions: 0 };
  }

  /** The channels, as the org has ordered and folded them. */
  get places(): { shown: Channel[]; folded: Channel[] } {
    return this.config?.places(this.channels.items) ?? { shown: this.channels.items, folded: [] };
  }

  /** The agents, in the order in which the org has them offered. */
  get roster(): Agent[] {
    return this.config?.agents(this.agents.items) ?? this.agents.items;
  }

  get defaultAgent(): Agent | undefined {
    return this.agents.items.find((agent) => agent.is_default && agent.enabled);
  }

  channel(id: string): Channel | undefined {
    return this.channels.items.find((channel) => channel.id === id);
  }

  /** The list of a channel's chats; made on first use, loaded by the caller. */
  chatsOf(channel: string): Paged<ChatSummary> {
    let list = this.#chats.get(channel);
    if (!list) {
      list = new Paged((query) => chats.list(this.id, channel, query));
      this.#chats.set(channel, list);
      // Later, because a list may be made while something is derived from the lists.
      queueMicrotask(() => (this.#made += 1));
    }
    return list;
  }

  /** Every chat that was listed so far. */
  get knownChats(): ChatSummary[] {
    void this.#made;
    return [...this.#chats.values()].flatMap((list) => list.items);
  }

  load(): void {
    void this.channels.load();
    void this.members.loadAll();
    void this.agents.loadAll();
    void this.countApprovals();
    void this.#look();
    words.use({ one: 'fork', many: 'forks' });
    void this.loadConfig();
  }

  /** Asks what the org set for itself. Silent: a failure leaves what is known, and is made good with the next poll. */
  async loadConfig(): Promise<void> {
    const before = (this.#configAt = Date.now());
    try {
      const config = await (await import('./config.ts')).readConfig(this.id);
      // What was set meanwhile is newer.
      if (before === this.#configAt) this.takeConfig(config);
    } catch {
      if (before === this.#configAt) this.#configAt = 0;
    }
    this.placed = true;
  }

  /** What the org set for itself, as it stands now. */
  takeConfig(config: OrgConfig): void {
    this.#configAt = Date.now();
    this.config = config;
    words.use(config.words);
    appearance.inOrg(config.theme);
  }

  /** Counts what waits in the inbox. Silent: a failure leaves the count as it was. */
  async countApprovals(): Promise<void> {
    if (!untrack(() => this.may('member'))) return;
    try {
      const { countForMe } = await import('#lib/sandbox/inbox.ts');
      this.approvals = await countForMe(this.id, session.user?.id ?? '');
    } catch {
      // It is asked for again with the next poll.
    }
  }

  /** The same, once the inbox can have heard of what just happened in a chat. */
  countApprovalsSoon(): void {
    clearTimeout(this.#recount);
    this.#recount = setTimeout(() => void this.countApprovals(), INBOX_LAG_MS);
  }

  /** Keeps unread counts fresh until the returned function is called. */
  watch(): () => void {
    const look = (): void => void this.#poll();
    const timer = setInterval(look, POLL_MS);
    document.addEventListener('visibilitychange', look);
    window.addEventListener('focus', look);
    return () => {
      clearInterval(timer);
      clearTimeout(this.#recount);
      clearTimeout(this.#soon);
      document.removeEventListener('visibilitychange', look);
      window.removeEventListener('focus', look);
    };
  }

  /** Names the channel whose chat list is on screen; null for none. */
  opens(channel: string | null): void {
    this.#opened = channel;
    if (!channel) return;
    // It may have been listed long ago; and what happened right before shows a little later.
    const list = untrack(() => this.chatsOf(channel));
    if (untrack(() => list.state) === 'ready') void untrack(() => list.renew());
    this.#pollSoon();
  }

  /** The chat is no longer open: its list is right about it again. */
  leaveChat(id: string): void {
    if (this.#noted?.id !== id) return;
    this.#noted = null;
    untrack(() => this.marks.leave());
    this.#pollSoon();
  }

  /** Puts what the open chat knows of itself into its list, ahead of the next poll. */
  noteChat(channel: string, id: string, change: Partial<ChatSummary>): void {
    this.#noted = { channel, id, change };
    untrack(() => this.marks.note(id, channel, { unread: change.unread ?? 0, mentions: change.mentions ?? 0 }));
    const list = this.#chats.get(channel);
    const before = list?.items.find((chat) => chat.id === id);
    if (!list || !before) return;
    const after = { ...before, ...change };
    if (Object.keys(change).every((key) => before[key as keyof ChatSummary] === after[key as keyof ChatSummary])) return;
    list.change((items) =>
      items
        .map((chat) => (chat.id === id ? after : chat))
        .sort((one, other) => (one.last_message_at < other.last_message_at ? 1 : -1)),
    );
  }

  /** A chat was deleted. */
  forgetChat(channel: string, id: string): void {
    if (this.#noted?.id === id) this.#noted = null;
    untrack(() => this.marks.forget((one) => one.chat === id));
    this.#chats.get(channel)?.change((items) => items.filter((chat) => chat.id !== id));
  }

  /** A channel was deleted, with its chats. */
  forgetChannel(id: string): void {
    if (this.#noted?.channel === id) this.#noted = null;
    untrack(() => this.marks.forget((one) => one.channel === id));
    this.#chats.delete(id);
    this.channels.change((items) => items.filter((channel) => channel.id !== id));
  }

  #pollSoon(): void {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => void this.#poll(), SOON_MS);
  }

  async #poll(): Promise<void> {
    if (document.visibilityState !== 'visible') return;
    await Promise.all([
      this.#look(),
      this.countApprovals(),
      Date.now() - this.#channelsAt > CONFIG_MS ? this.#listChannels() : undefined,
      Date.now() - this.#configAt > CONFIG_MS ? this.loadConfig() : undefined,
    ]);
  }

  /** Asks what changed, and lists anew only what did. Silent: a failure is made good with the next poll. */
  async #look(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const opened = this.#opened;
    try {
      const changed = await this.marks.ask(opened);
      for (const { chat, channel, unread, mentions } of changed.chats) {
        this.#chats.get(channel)?.change((items) => items.map((item) => (item.id === chat ? { ...item, unread, mentions } : item)));
      }
      if (changed.anew) return await this.#listAnew(opened);
      const unlisted = changed.chats.some(({ channel }) => !this.channel(channel));
      await Promise.all([
        changed.stirred && opened ? this.chatsOf(opened).refresh((chat) => chat.id) : undefined,
        unlisted && this.channels.state === 'ready' && !this.channels.hasMore ? this.#listChannels() : undefined,
      ]);
    } catch {
      // What is shown stays shown.
    } finally {
      this.#asking = false;
    }
    // Of the chat that is open, the page knows better than the lists.
    if (this.#noted) this.noteChat(this.#noted.channel, this.#noted.id, this.#noted.change);
  }

  /** Somebody deleted something, and nobody is told what: what is on screen is listed again, the rest when it is next. */
  async #listAnew(opened: string | null): Promise<void> {
    for (const list of this.#chats.values()) list.expire();
    this.#channelsAt = Date.now();
    await Promise.all([
      this.channels.state === 'ready' ? this.channels.renew() : undefined,
      opened ? this.chatsOf(opened).renew() : undefined,
    ]);
  }

  async #listChannels(): Promise<void> {
    this.#channelsAt = Date.now();
    await this.channels.refresh((channel) => channel.id);
  }
}

export const [workspace, provideWorkspace] = createContext<() => Workspace>();
