// Where to go after signing in: only to a place within the app.

/** What is needed of an address. */
interface Address {
  searchParams: Pick<URLSearchParams, 'get'>;
}

/** The address of the sign-in screen that returns to `path`. */
export function signInFor(path: string): string {
  return path === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(path)}`;
}

/** The path to return to, or null when there is none or it leads elsewhere. */
export function nextOf(url: Address): string | null {
  const next = url.searchParams.get('next');
  return next !== null && /^\/(?![/\\])/.test(next) ? next : null;
}

/** `path` with the return path of `url`, where it has one. */
export function keepNext(path: string, url: Address): string {
  const next = nextOf(url);
  return next === null ? path : `${path}?next=${encodeURIComponent(next)}`;
}
