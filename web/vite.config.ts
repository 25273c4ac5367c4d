// Build of the web app: a single page served as static files beside the API, which it talks to under `/v1`.
import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vitest/config';

const api = process.env.SLIPWAY_API ?? 'http://localhost:8787';

export default defineConfig({
  plugins: [
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
  build: { manifest: true, reportCompressedSize: false },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
