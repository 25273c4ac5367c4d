// How the app looks and how the composer sends, kept in this browser. static/appearance.js applies the same value before
// the first paint.

export type Theme = 'system' | 'light' | 'dark';
/** What a person chose; `org` is to have what the org set. */
export type Chosen = Theme | 'org';
export type Contrast = 'system' | 'normal' | 'high';
export type Density = 'comfortable' | 'compact';
export type SendKey = 'enter' | 'mod-enter';

const KEY = 'slipway.appearance';

class Appearance {
  theme = $state<Chosen>('org');
  /** What the org that one was in last set. */
  orgTheme = $state<Theme>('system');
  contrast = $state<Contrast>('system');
  density = $state<Density>('comfortable');
  sendKey = $state<SendKey>('enter');

  constructor() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Record<string, string>>;
      if (isTheme(kept.theme)) this.theme = kept.theme;
      if (isTheme(kept.orgTheme)) this.orgTheme = kept.orgTheme;
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
    const { theme, orgTheme, contrast, density, sendKey } = this;
    try {
      localStorage.setItem(KEY, JSON.stringify({ theme, orgTheme, contrast, density, sendKey }));
    } catch {
      // Without storage they hold for this page.
    }
    this.apply();
  }

  /** What the org set, for those who have not chosen. Kept too, so that the next load begins with it. */
  inOrg(theme: Theme): void {
    if (theme === this.orgTheme) return;
    this.orgTheme = theme;
    this.save();
  }

  apply(): void {
    const theme = this.theme === 'org' ? this.orgTheme : this.theme;
    const dark = theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
    const more =
      this.contrast === 'high' || (this.contrast === 'system' && matchMedia('(prefers-contrast: more)').matches);
    const root = document.documentElement;
    root.dataset.theme = dark ? 'dark' : 'light';
    root.dataset.contrast = more ? 'high' : 'normal';
    root.dataset.density = this.density;
    document.querySelector('meta[name=theme-color]')?.setAttribute('content', dark ? '#14181b' : '#f6f8f9');
  }
}

const isTheme = (text: string | undefined): text is Theme => text === 'system' || text === 'light' || text === 'dark';

export const appearance = new Appearance();
