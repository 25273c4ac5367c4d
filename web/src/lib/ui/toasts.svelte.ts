// Short notices of what just happened. They go by themselves; nothing that must be read is told this way alone.

export interface Toast {
  id: number;
  text: string;
  tone: 'plain' | 'danger';
}

const LIFE_MS = 5_000;

class Toasts {
  list = $state.raw<Toast[]>([]);
  #next = 1;

  show(text: string, tone: Toast['tone'] = 'plain'): void {
    const id = this.#next++;
    this.list = [...this.list.slice(-2), { id, text, tone }];
    setTimeout(() => this.close(id), LIFE_MS);
  }

  close(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
