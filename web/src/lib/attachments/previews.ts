// Images that this page brought itself, shown from the browser's own memory: at once, and without asking the server.

const TYPES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif']);
/** So many at most; the oldest are let go. What is drawn of them stays drawn. */
const MOST = 60;

class Previews {
  #urls = new Map<string, string>();

  /** Keeps an image under a name; anything else is passed over. */
  keep(name: string, body: Blob): void {
    if (!TYPES.has(body.type) || this.#urls.has(name)) return;
    this.#urls.set(name, URL.createObjectURL(body));
    const oldest = this.#urls.keys().next().value;
    if (this.#urls.size > MOST && oldest !== undefined) this.drop(oldest);
  }

  of(name: string): string | undefined {
    return this.#urls.get(name);
  }

  rename(from: string, to: string): void {
    const url = this.#urls.get(from);
    if (url === undefined || from === to) return;
    this.#urls.delete(from);
    this.#urls.set(to, url);
  }

  drop(name: string): void {
    const url = this.#urls.get(name);
    if (url === undefined) return;
    URL.revokeObjectURL(url);
    this.#urls.delete(name);
  }
}

export const previews = new Previews();
