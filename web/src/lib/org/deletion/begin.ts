// Beginning deletions: each shows the one dialog, and says where the app goes once it was asked for.
import { goto } from '$app/navigation';
import type { Channel, Org } from '#lib/api/resources.ts';
import type { Workspace } from '#lib/org/workspace.svelte.ts';
import { session } from '#lib/session.svelte.ts';
import { shell } from '#lib/shell/shell.svelte.ts';

import { forgetKept } from './kept.ts';

/** Takes what this browser kept of it. */
function forget(chat?: string): void {
  try {
    forgetKept(localStorage, session.user?.id ?? '', chat);
  } catch {
    // Storage is closed: nothing was kept.
  }
}

export function beginChat(space: Workspace, channel: string, chat: { id: string; title: string }): void {
  shell.doomed = {
    kind: 'chat',
    org: space.id,
    id: chat.id,
    name: chat.title,
    onasked: async () => {
      space.forgetChat(channel, chat.id);
      await goto(`/o/${space.id}/c/${channel}`);
      forget(chat.id);
    },
  };
}

export function beginChannel(space: Workspace, channel: Channel): void {
  shell.doomed = {
    kind: 'channel',
    org: space.id,
    id: channel.id,
    name: channel.name,
    onasked: async () => {
      space.forgetChannel(channel.id);
      await goto(`/o/${space.id}`);
    },
  };
}

export function beginOrg(org: Org): void {
  shell.doomed = {
    kind: 'org',
    id: org.id,
    name: org.name,
    onasked: async () => {
      const others = (session.orgs ?? []).filter((other) => other.id !== org.id);
      const [next] = others;
      // First away from it, so that no page of it says for a moment that it is not there.
      await goto(next ? `/o/${next.id}` : '/welcome', { replaceState: true });
      session.orgs = others;
    },
  };
}

export function beginAccount(): void {
  shell.doomed = {
    kind: 'account',
    name: session.user?.email ?? '',
    onasked: () => forget(),
    // The report is read with the token that is still good; then there is nobody signed in any more.
    onread: () => session.leave(),
  };
}
