// Times as people read them, in the viewer's zone and language.

const time = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long' });
const shortDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const fullDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const everything = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

export const timeOfDay = (at: string): string => time.format(new Date(at));
export const exact = (at: string): string => everything.format(new Date(at));
export const date = (at: string): string => fullDay.format(new Date(at));

/** A key that is the same for times of one day in the viewer's zone. */
export function dayKey(at: string): string {
  const day = new Date(at);
  return `${day.getFullYear()}-${day.getMonth() + 1}-${day.getDate()}`;
}

/** Name of a day for a divider: Today, Yesterday, Monday, 3 March, 3 March 2025. */
export function dayName(at: string, now: number): string {
  const day = new Date(at);
  const days = daysBetween(day, new Date(now));
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  if (days > 1 && days < 7) return weekday.format(day);
  return day.getFullYear() === new Date(now).getFullYear() ? dayOfYear.format(day) : fullDay.format(day);
}

/** Short age for a list: now, 5 min, 14:02, Yesterday, 3 Mar. */
export function relative(at: string, now: number): string {
  const moment = new Date(at);
  const minutes = Math.floor((now - moment.getTime()) / 60_000);
  if (minutes < 1) return 'now';
  if (minutes < 60) return `${minutes} min`;
  const days = daysBetween(moment, new Date(now));
  if (days <= 0) return time.format(moment);
  if (days === 1) return 'Yesterday';
  return moment.getFullYear() === new Date(now).getFullYear() ? shortDay.format(moment) : fullDay.format(moment);
}

/** How long something took or takes: 4 s, 1 min 20 s, 2 h 5 min. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function daysBetween(earlier: Date, later: Date): number {
  const midnight = (day: Date): number => Date.UTC(day.getFullYear(), day.getMonth(), day.getDate());
  return Math.round((midnight(later) - midnight(earlier)) / 86_400_000);
}
