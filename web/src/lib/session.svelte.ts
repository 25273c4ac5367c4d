// Who is signed in. The access token lives in this object alone; the refresh cookie is not readable by scripts.
//
// Refresh tokens rotate and a reused one ends the session, so tabs take turns: one refresh at a time per browser.
import { useTokens } from './api/http';
import { Refused, Unreachable, refusedWith } from './api/problem';
import type { Org, Session as Answer, User } from './api/resources';
import { auth } from './api/rest';

/** A token is renewed this long before it ends, so that none ends on its way. */
const MARGIN_MS = 60_000;

class Session {
  /** `unknown` until the first refresh has answered. */
  state = $state<'unknown' | 'out' | 'in' | 'unreachable'>('unknown');
  user = $state.raw<User | null>(null);
  /** Orgs of the user, oldest membership first; null until loaded. */
  orgs = $state.raw<Org[] | null>(null);

  #token: { text: string; ends: number } | null = null;
  #refreshing: Promise<string> | null = null;
  #others = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('slipway-session');

  constructor() {
    useTokens((renew) => this.#give(renew));
    this.#others?.addEventListener('message', (message) => {
      if (message.data === 'ended') this.#end(false);
      if (message.data === 'begun' && this.state === 'out') void this.start();
    });
  }

  /** Finds out whether this browser is signed in. */
  async start(): Promise<void> {
    this.state = 'unknown';
    try {
      await this.#refresh();
      await this.loadOrgs();
      this.state = 'in';
    } catch (error) {
      if (error instanceof Unreachable || refusedWith(error, 'unavailable', 'internal', 'rate_limited')) {
        this.state = 'unreachable';
      } else {
        this.#end(false);
      }
    }
  }

  async signIn(email: string, password: string): Promise<void> {
    await this.#begin(await auth.logIn(email, password));
  }

  async signUp(email: string, password: string, displayName: string): Promise<void> {
    await this.#begin(await auth.signUp(email, password, displayName));
  }

  /** Ends this sign-in, or all of the user's sign-ins. */
  async signOut(everywhere = false): Promise<void> {
    await (everywhere ? auth.logOutEverywhere() : auth.logOut());
    this.#end(true);
  }

  /** The account is deleted: there is nothing left to sign out of. */
  leave(): void {
    this.#end(true);
  }

  async loadOrgs(): Promise<Org[]> {
    const me = await auth.me();
    this.user = me.user;
    this.orgs = me.orgs;
    return me.orgs;
  }

  async #begin(answer: Answer): Promise<void> {
    this.#keep(answer);
    await this.loadOrgs();
    this.state = 'in';
    this.#others?.postMessage('begun');
  }

  #keep(answer: Answer): void {
    this.#token = { text: answer.access_token, ends: Date.parse(answer.expires_at) };
    this.user = answer.user;
  }

  async #give(renew: boolean): Promise<string> {
    const held = this.#token;
    if (!renew && held && held.ends - Date.now() > MARGIN_MS) return held.text;
    try {
      return await this.#refresh();
    } catch (error) {
      if (error instanceof Refused && error.problem.status === 401) this.#end(false);
      throw error;
    }
  }

  /** One refresh at a time in this tab (the shared promise) and among tabs (the lock). */
  #refresh(): Promise<string> {
    this.#refreshing ??= navigator.locks
      .request('slipway-refresh', async () => {
        const answer = await auth.refresh();
        this.#keep(answer);
        return answer.access_token;
      })
      .finally(() => {
        this.#refreshing = null;
      });
    return this.#refreshing;
  }

  #end(tell: boolean): void {
    this.#token = null;
    this.user = null;
    this.orgs = null;
    this.state = 'out';
    if (tell) this.#others?.postMessage('ended');
  }
}

export const session = new Session();
