// What was written but not sent, per chat, kept over a reload.

export interface Draft {
  text: string;
  replyTo?: string | undefined;
}

/** The part of `localStorage` that is used. */
export type Keep = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

export class Drafts {
  #keep: Keep;
  #prefix: string;

  constructor(keep: Keep, user: string) {
    this.#keep = keep;
    this.#prefix = `slipway.draft.${user}.`;
  }

  read(chat: string): Draft {
    try {
      const kept = JSON.parse(this.#keep.getItem(this.#prefix + chat) ?? '{}') as Partial<Draft>;
      return { text: kept.text ?? '', replyTo: kept.replyTo };
    } catch {
      return { text: '' };
    }
  }

  write(chat: string, draft: Draft): void {
    try {
      if (draft.text === '' && draft.replyTo === undefined) this.#keep.removeItem(this.#prefix + chat);
      else this.#keep.setItem(this.#prefix + chat, JSON.stringify(draft));
    } catch {
      // Storage is full or closed: the draft lives as long as the page.
    }
  }
}
