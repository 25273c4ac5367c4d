import type { ConfigKey } from '#lib/api/resources.ts';
import type { OrgConfig } from '#lib/org/config.ts';

/** What the larger settings are given. */
export interface Part {
  /** What stands, as the server said last. */
  config: OrgConfig;
  manages: boolean;
  busy: boolean;
  /** Sets a key; answers whether it was taken. */
  save: (key: ConfigKey, value: unknown) => Promise<boolean>;
  reset: (() => void) | undefined;
}
