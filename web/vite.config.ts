// Build of the web app: a single page served as static files beside the API, which it talks to under `/v1`.
import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const api = process.env.SLIPWAY_API ?? 'http://localhost:8787';

/** Where previews are: below PREVIEW_URL's host, one host for each port of each sandbox; without it, those of local stacks. */
function previewHosts(): `${string}://${string}.${string}` {
  const set = process.env.PREVIEW_URL;
  if (!set) return 'http://*.localhost:*';
  const { protocol, host } = new URL(set);
  return `${protocol === 'https:' ? 'https' : 'http'}://*.${host}`;
}

/** Where files of chats are: the host `files` below PREVIEW_URL's. */
function filesHost(): `${string}://${string}.${string}` {
  const set = process.env.PREVIEW_URL;
  if (!set) return 'http://files.localhost:*';
  const { protocol, host } = new URL(set);
  return `${protocol === 'https:' ? 'https' : 'http'}://files.${host}`;
}

/**
 * SvelteKit hides its live region (which tells the new page's title) by an inline style, which our content security policy
 * refuses. The attribute is taken out; src/styles/app.css has the same rule.
 */
function hideAnnouncerByStyleSheet(): Plugin {
  return {
    name: 'slipway:announcer',
    enforce: 'pre',
    transform(code, id) {
      if (!id.endsWith('/runtime/components/root.svelte')) return null;
      const stripped = code.replace(/(id="svelte-announcer"[^>]*?)\s+style="[^"]*"/, '$1');
      if (stripped === code) this.error('SvelteKit changed its live region: see hideAnnouncerByStyleSheet.');
      return { code: stripped, map: null };
    },
  };
}

/**
 * The terminal makes styles while it runs, as <style> elements and `style` attributes, which our content security policy
 * refuses. Its four calls are led to src/lib/sandbox/sheets.ts.
 */
function terminalStyles(): Plugin {
  return {
    name: 'slipway:terminal-styles',
    enforce: 'pre',
    transform(code, id) {
      if (!/@xterm\/xterm\/lib\/xterm\.mjs(?:\?|$)/.test(id)) return null;
      let calls = 0;
      const led = code
        .replace(/([\w$.]+)\.createElement\("style"\)/g, (_call, page: string) => ((calls += 1), `slipwaySheet(${page})`))
        .replace(/([\w$.]+)\.setAttribute\("style",/g, (_call, element: string) => ((calls += 1), `slipwayStyle(${element},`));
      if (calls !== 4) this.error(`The terminal makes styles in ${calls} places, not in 4: see terminalStyles.`);
      const sheets = JSON.stringify(`${import.meta.dirname}/src/lib/sandbox/sheets.ts`);
      return { code: `import { setStyle as slipwayStyle, sheetElement as slipwaySheet } from ${sheets};\n${led}`, map: null };
    },
  };
}

export default defineConfig({
  plugins: [
    hideAnnouncerByStyleSheet(),
    terminalStyles(),
    tailwindcss(),
    sveltekit({
      compilerOptions: { runes: true },
      // The asset server answers every unknown path with index.html, so that is the fallback's name.
      adapter: adapter({ fallback: 'index.html' }),
      csp: {
        mode: 'hash',
        directives: {
          'default-src': ['none'],
          'script-src': ['self'],
          'style-src': ['self'],
          // What one is about to send is shown from the browser's own memory.
          'img-src': ['self', 'data:', 'blob:', filesHost()],
          'font-src': ['self'],
          'connect-src': ['self'],
          'frame-src': [previewHosts()],
          'manifest-src': ['self'],
          'base-uri': ['none'],
          'form-action': ['self'],
        },
      },
      version: { pollInterval: 0 },
    }),
  ],
  server: {
    proxy: { '/v1': { target: api, changeOrigin: true, ws: true } },
  },
  // Bundled ahead, the terminal would miss what `terminalStyles` does to it.
  optimizeDeps: { exclude: ['@xterm/xterm'] },
  // Nothing inline: the content security policy takes fonts and images from files alone.
  build: { manifest: true, reportCompressedSize: false, assetsInlineLimit: 0 },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
