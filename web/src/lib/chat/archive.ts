// Sends a chat away that nobody needs for now. Whoever asks has left it before: a chat that somebody has open stays.
import { answer, client } from '#lib/api/http.ts';
import { explain, refusedWith } from '#lib/api/problem.ts';
import { within } from '#lib/api/rest.ts';
import { toasts } from '#lib/ui/toasts.svelte.ts';

/** One's own socket and what is still being told to the list are gone within moments. */
const TRIES = 6;
const PAUSE_MS = 1_000;

/** Whether it is away. What stands in the way is shown. */
export async function archive(org: string, chat: string, title: string): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    try {
      await answer(client.POST('/v1/chats/{chat}/archive', { params: { path: { chat }, header: within(org) } }));
      toasts.show(`${title} is archived. Whoever opens it brings it back.`);
      return true;
    } catch (failure) {
      if (!refusedWith(failure, 'archive_blocked') || tries === TRIES) {
        toasts.show(explain(failure), 'danger');
        return false;
      }
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
  }
}
