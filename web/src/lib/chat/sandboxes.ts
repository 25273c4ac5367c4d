// The sandboxes of a chat as its log tells of them. Of one sandbox the newest version counts, in whatever order news come.
import type { SandboxStatus } from '#lib/api/resources.ts';

interface Known {
  status: SandboxStatus;
  /** The event that told it. */
  seq: number;
}

const OVER = new Set<SandboxStatus['state']>(['stopped', 'destroyed', 'failed']);

export class Sandboxes {
  #known = new Map<string, Known>();

  /** Takes news of a sandbox, told by event `seq`. False: it is old news. */
  take(status: SandboxStatus, seq: number): boolean {
    const before = this.#known.get(status.sandbox);
    if (before && before.status.version >= status.version) return false;
    this.#known.set(status.sandbox, { status, seq });
    return true;
  }

  get(id: string): SandboxStatus | undefined {
    return this.#known.get(id)?.status;
  }

  /** The one that agents work in: the newest that runs or is to, else the newest. */
  get current(): SandboxStatus | undefined {
    let best: Known | undefined;
    for (const one of this.#known.values()) {
      if (!best || rank(one) > rank(best) || (rank(one) === rank(best) && one.seq > best.seq)) best = one;
    }
    return best?.status;
  }
}

const rank = ({ status }: Known): number => (OVER.has(status.state) ? 0 : 1);
