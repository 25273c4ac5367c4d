// How the app looks and how the composer sends, kept in this browser. static/appearance.js applies the same value before
// the first paint.

export type Theme = 'system' | 'light' | 'dark';
export type Contrast = 'system' | 'normal' | 'high';
export type Density = 'comfortable' | 'compact';
export type SendKey = 'enter' | 'mod-enter';

const KEY = 'slipway.appearance';

class Appearance {
  theme = $state<Theme>('system');
  contrast = $state<Contrast>('system');
  density = $state<Density>('comfortable');
  sendKey = $state<SendKey>('enter');

  constructor() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Record<string, string>>;
      if (kept.theme === 'light' || kept.theme === 'dark') this.theme = kept.theme;
      if (kept.contrast === 'normal' || kept.contrast === 'high') this.contrast = kept.contrast;
      if (kept.density === 'compact') this.density = 'compact';
      if (kept.sendKey === 'mod-enter') this.sendKey = 'mod-enter';
    } catch {
      // Storage is closed or its value is broken: the defaults hold.
    }
    for (const query of ['(prefers-color-scheme: dark)', '(prefers-contrast: more)']) {
      matchMedia(query).addEventListener('change', () => this.apply());
    }
  }

  /** Puts the settings on the page and keeps them. */
  save(): void {
    const { theme, contrast, density, sendKey } = this;
    try {
      localStorage.setItem(KEY, JSON.stringify({ theme, contrast, density, sendKey }));
    } catch {
      // Without storage they hold for this page.
    }
    this.apply();
  }

  apply(): void {
    const dark = this.theme === 'dark' || (this.theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
    const more =
      this.contrast === 'high' || (this.contrast === 'system' && matchMedia('(prefers-contrast: more)').matches);
    const root = document.documentElement;
    root.dataset.theme = dark ? 'dark' : 'light';
    root.dataset.contrast = more ? 'high' : 'normal';
    root.dataset.density = this.density;
    document.querySelector('meta[name=theme-color]')?.setAttribute('content', dark ? '#14181b' : '#f6f8f9');
  }
}

export const appearance = new Appearance();
