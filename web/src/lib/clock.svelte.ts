// The current time as state: `minute` moves every half minute, for relative times; `second` only while someone watches.
import { createSubscriber } from 'svelte/reactivity';

class Clock {
  #minutes = createSubscriber((update) => {
    const timer = setInterval(update, 30_000);
    return () => clearInterval(timer);
  });
  #seconds = createSubscriber((update) => {
    const timer = setInterval(update, 1_000);
    return () => clearInterval(timer);
  });

  get minute(): number {
    this.#minutes();
    return Date.now();
  }

  get second(): number {
    this.#seconds();
    return Date.now();
  }
}

export const clock = new Clock();
