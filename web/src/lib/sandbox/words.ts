// Sandboxes, costs and amounts in the words of people.
import type { SandboxReason, SandboxSize, SandboxState } from '#lib/api/events.ts';
import type { ApprovalAsk, Snapshot } from '#lib/api/resources.ts';

const SIZES: Record<SandboxSize, { name: string; detail: string }> = {
  small: { name: 'Small', detail: '1 CPU, 1 GiB memory, 2 GiB disk' },
  medium: { name: 'Medium', detail: '2 CPUs, 4 GiB memory, 8 GiB disk' },
  large: { name: 'Large', detail: '4 CPUs, 8 GiB memory, 16 GiB disk' },
};

export const sizeName = (size: SandboxSize): string => SIZES[size].name;
export const sizeDetail = (size: SandboxSize): string => SIZES[size].detail;
export const sizes = Object.keys(SIZES) as SandboxSize[];

export const templates = [
  { name: 'static-site', label: 'Static site' },
  { name: 'vite-app', label: 'Vite app' },
];
export const templateName = (name: string): string => templates.find((one) => one.name === name)?.label ?? name;

export type Tone = 'ok' | 'busy' | 'off' | 'bad';

const STATES: Record<SandboxState, { label: string; tone: Tone }> = {
  queued: { label: 'Waits for a place', tone: 'busy' },
  starting: { label: 'Starting', tone: 'busy' },
  ready: { label: 'Running', tone: 'ok' },
  idle: { label: 'Running, unused', tone: 'ok' },
  stopping: { label: 'Stopping', tone: 'busy' },
  stopped: { label: 'Stopped', tone: 'off' },
  destroyed: { label: 'Removed', tone: 'off' },
  failed: { label: 'Failed', tone: 'bad' },
};

/** A state that is newer than this page shows as its name. */
export const stateLabel = (state: SandboxState): string => STATES[state]?.label ?? state;
export const stateTone = (state: SandboxState): Tone => STATES[state]?.tone ?? 'off';
export const isUsable = (state: SandboxState): boolean => state === 'ready' || state === 'idle';
/** It changes by itself soon. */
export const isMoving = (state: SandboxState): boolean => STATES[state]?.tone === 'busy';

const REASONS: Record<SandboxReason, string> = {
  requested: 'Somebody stopped it.',
  idle: 'Nobody used it for a while.',
  executor_unavailable: 'No host for sandboxes can be reached.',
  start_failed: 'The host could not make it.',
  crash_loop: 'It started three times and did not stay.',
  lost: 'Its processes ended by themselves.',
  quota_reached: 'The quota of this month is used up.',
  owner_gone: 'The chat, or the person it ran for, is gone.',
};

export const reasonText = (reason: SandboxReason | null | undefined): string => (reason ? (REASONS[reason] ?? '') : '');

/** Why a snapshot was taken; a cause that is newer than this page shows as its name. */
export function snapshotCause(cause: Snapshot['cause']): string {
  switch (cause) {
    case 'asked':
      return 'Saved by hand';
    case 'stopped':
      return 'When it stopped';
    default:
      return cause;
  }
}

/** What shall happen, as a heading. */
export function actionTitle(action: ApprovalAsk['action']): string {
  if (action.kind === 'start_sandbox') return 'Start a sandbox';
  return action.hosts.length === 1 ? `Let the sandbox reach ${action.hosts[0]}` : `Let the sandbox reach ${action.hosts.length} more hosts`;
}

const dollars = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD', minimumFractionDigits: 2, maximumFractionDigits: 2 });
const smallDollars = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD', maximumSignificantDigits: 2 });

/** An amount in millionths of a US dollar. */
export function money(microUsd: number): string {
  const usd = microUsd / 1_000_000;
  return usd > 0 && usd < 0.01 ? smallDollars.format(usd) : dollars.format(usd);
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A size for people: 0 bytes, 900 bytes, 1.5 KiB, 12 MiB. */
export function bytes(count: number): string {
  let amount = count;
  let unit = 0;
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  const digits = unit > 0 && amount < 10 ? 1 : 0;
  const text = amount.toFixed(digits).replace(/\.0$/, '');
  return count === 1 ? '1 byte' : `${text} ${UNITS[unit]}`;
}

/** Seconds of use for people: 40 s, 12 min, 3.5 hours. */
export function spent(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  const hours = Math.floor(seconds / 360) / 10;
  return `${hours >= 100 ? Math.floor(hours) : hours} ${hours === 1 ? 'hour' : 'hours'}`;
}

/** Time that is left, counted up so that it is never told as over too soon. */
export function left(ms: number): string {
  if (ms <= 0) return 'now';
  const minutes = Math.ceil(ms / 60_000);
  if (ms < 60_000) return `${Math.ceil(ms / 1_000)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Hosts as typed, one or many: split at spaces, commas and lines; without scheme and path. */
export function hostsIn(text: string): string[] {
  const hosts = text
    .split(/[\s,;]+/)
    .map((host) => host.toLowerCase().replace(/^[a-z]+:\/\//, '').replace(/[/:].*$/, ''))
    .filter((host) => host !== '');
  return [...new Set(hosts)];
}

/** What is wrong with a host: a name, or `*.` and a name for all below it. */
export const isHost = (host: string): boolean =>
  host.length <= 253 && /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/.test(host);
