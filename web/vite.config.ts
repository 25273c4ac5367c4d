// Build of the web app: a single page served as static files beside the API, which it talks to under `/v1`.
import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const api = process.env.SLIPWAY_API ?? 'http://localhost:8787';

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

export default defineConfig({
  plugins: [
    hideAnnouncerByStyleSheet(),
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
          'img-src': ['self', 'data:'],
          'font-src': ['self'],
          'connect-src': ['self'],
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
  // Nothing inline: the content security policy takes fonts and images from files alone.
  build: { manifest: true, reportCompressedSize: false, assetsInlineLimit: 0 },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
