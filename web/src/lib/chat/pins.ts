// The pinned messages of a chat. The chat's description tells all of them; of the events only those count that came after
// it, and each once, however often the log is folded. Never changed in place.
import type { Actor, Event } from '#lib/api/events.ts';
import type { Chat } from '#lib/api/resources.ts';

export interface Pin {
  message: string;
  by: Actor;
  at: string;
}

export class Pins {
  /** By message, in the order in which they were pinned. */
  map: ReadonlyMap<string, Pin> = new Map();
  #asOf = 0;

  /** All of them as they stood when the newest event was `seq`. */
  take(pins: Chat['pins'], seq: number): void {
    if (seq < this.#asOf) return;
    this.map = new Map((pins ?? []).map((pin) => [pin.message, { ...pin, by: pin.by as Actor }]));
    this.#asOf = seq;
  }

  fold(event: Event): void {
    if (event.seq <= this.#asOf) return;
    this.#asOf = event.seq;
    switch (event.type) {
      case 'message.pinned':
        if (!this.map.has(event.message)) {
          this.map = new Map([...this.map, [event.message, { message: event.message, by: event.actor, at: event.at }]]);
        }
        break;
      case 'message.unpinned':
      case 'message.deleted':
        if (this.map.has(event.message)) this.map = new Map([...this.map].filter(([message]) => message !== event.message));
        break;
      default:
        break;
    }
  }
}
