// Runs before the first paint, so that a dark screen never flashes white. The app changes the same attributes later
// (src/lib/appearance.svelte.ts), from the same stored value.
(() => {
  let look = {};
  try {
    look = JSON.parse(localStorage.getItem('slipway.appearance') ?? '{}') ?? {};
  } catch {
    // Storage is closed or its value is broken: the system's choice applies.
  }
  // Who has not chosen has what the org set.
  const theme = ['system', 'light', 'dark'].includes(look.theme) ? look.theme : look.orgTheme;
  const dark = theme === 'dark' || (theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  const more = look.contrast === 'high' || (look.contrast !== 'normal' && matchMedia('(prefers-contrast: more)').matches);
  const root = document.documentElement;
  root.dataset.theme = dark ? 'dark' : 'light';
  root.dataset.contrast = more ? 'high' : 'normal';
  root.dataset.density = look.density === 'compact' ? 'compact' : 'comfortable';
})();
