// What the org set for itself, as the app uses it: words, theme, the order of channels and agents. Loaded with the org, apart
// from the first screen's code. What does not fit counts as not set, so that a newer server breaks nothing.
import { answer, client } from '#lib/api/http.ts';
import type { Agent, Channel, Config, ConfigEntry, ConfigKey } from '#lib/api/resources.ts';
import { within } from '#lib/api/rest.ts';
import type { Theme } from '#lib/appearance.svelte.ts';

export interface Layout {
  order: string[];
  folded: string[];
}

export class OrgConfig {
  readonly #entries: ReadonlyMap<ConfigKey, ConfigEntry>;

  constructor(entries: readonly ConfigEntry[] = []) {
    this.#entries = new Map(entries.map((entry) => [entry.key, entry]));
  }

  /** The same with one key as it is now. */
  with(entry: ConfigEntry): OrgConfig {
    return new OrgConfig([...this.#entries.values(), entry]);
  }

  entry(key: ConfigKey): ConfigEntry | undefined {
    return this.#entries.get(key);
  }

  get words(): { one: string; many: string } {
    const { one, many } = fields(this.#value('fork_terminology'));
    return typeof one === 'string' && typeof many === 'string' && one && many ? { one, many } : { one: 'fork', many: 'forks' };
  }

  get theme(): Theme {
    const theme = this.#value('theme');
    return theme === 'light' || theme === 'dark' ? theme : 'system';
  }

  get layout(): Layout {
    const { order, folded } = fields(this.#value('sidebar_layout'));
    return { order: texts(order), folded: texts(folded) };
  }

  get roster(): string[] {
    return texts(this.#value('agent_roster_order'));
  }

  get maxForks(): number {
    const most = this.#value('max_forks_per_thread');
    return typeof most === 'number' ? most : 5;
  }

  get defaultAgent(): string | null {
    const agent = this.#value('default_agent');
    return typeof agent === 'string' ? agent : null;
  }

  /** Days, or null for never. */
  get archiveAfterDays(): number | null {
    const days = this.#value('archive_after_days');
    return days === null ? null : typeof days === 'number' ? days : 2;
  }

  get features(): Record<string, boolean> {
    const switches = Object.entries(fields(this.#value('features')));
    return Object.fromEntries(switches.filter((one): one is [string, boolean] => typeof one[1] === 'boolean'));
  }

  /** Channels as the sidebar shows them. */
  places(channels: readonly Channel[]): { shown: Channel[]; folded: Channel[] } {
    const { order, folded } = this.layout;
    const away = new Set(folded);
    const all = inOrder(channels, order);
    return { shown: all.filter((one) => !away.has(one.id)), folded: all.filter((one) => away.has(one.id)) };
  }

  /** Agents as they are offered: those that are named, then the others by name. */
  agents(agents: readonly Agent[]): Agent[] {
    return inOrder([...agents].sort((one, other) => one.name.localeCompare(other.name)), this.roster);
  }

  #value(key: ConfigKey): unknown {
    return this.#entries.get(key)?.value;
  }
}

/** Those that `order` names, in its order, then the others as they come. */
export function inOrder<T extends { id: string }>(items: readonly T[], order: readonly string[]): T[] {
  const place = new Map(order.map((id, index) => [id, index]));
  const at = (item: T): number => place.get(item.id) ?? order.length;
  return [...items].sort((one, other) => at(one) - at(other));
}

const fields = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];

export async function readConfig(org: string): Promise<OrgConfig> {
  const config: Config = await answer(client.GET('/v1/orgs/{org}/config', { params: { path: { org }, header: within(org) } }));
  return new OrgConfig(config.entries);
}

/** Sets a key; `undefined` puts it back to its default. Answers how it then stands. */
export const setConfig = (org: string, key: ConfigKey, value: unknown): Promise<ConfigEntry> =>
  answer(
    client.PUT('/v1/orgs/{org}/config/{key}', {
      params: { path: { org, key }, header: within(org) },
      body: value === undefined ? {} : { value },
    }),
  );
