// The one table of shortcuts. What is listed by `?` is what runs, because both read this table.
import { untrack } from 'svelte';

import { matches } from './format';

export interface Binding {
  keys: string;
  label: string;
  group: 'Everywhere' | 'Chats' | 'Messages' | 'Composer' | 'Approvals';
  run: (press: KeyboardEvent) => void;
  /** Also while text is being written. Needs a modifier, or the letter would be lost. */
  inText?: boolean;
  /** Also while a dialog or menu is open. */
  always?: boolean;
  /** Handled by the control that has the focus; listed here only. */
  local?: boolean;
}

class Bindings {
  list = $state.raw<Binding[]>([]);

  /** Adds bindings until the returned function is called. The newest wins where keys are the same. */
  add(...added: Binding[]): () => void {
    // An effect that adds bindings must not depend on the others.
    this.list = untrack(() => [...this.list, ...added]);
    return () => {
      this.list = untrack(() => this.list.filter((binding) => !added.includes(binding)));
    };
  }

  /** Runs the binding of a key press, if there is one. */
  handle(press: KeyboardEvent): void {
    if (press.defaultPrevented || press.isComposing || press.repeat) return;
    const target = press.target as HTMLElement | null;
    const writing = target?.closest('input:not([type=radio]), textarea, select, [contenteditable=true]') != null;
    const covered = document.querySelector('[role=dialog][data-state=open], [role=menu][data-state=open]') !== null;
    const binding = this.list.findLast(
      (candidate) => !candidate.local && matches(candidate.keys, press) && (!writing || candidate.inText === true),
    );
    if (!binding || (covered && !binding.always)) return;
    press.preventDefault();
    binding.run(press);
  }
}

export const bindings = new Bindings();
