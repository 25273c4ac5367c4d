// Vite's development server for the web app: hot reload on the app's own port, `/v1` passed on to app-api.
// Settings: {root, host, port, api}. Ready: {url}.

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { supervised, tell } from "./supervised.mjs";

let server;

supervised({ start, stop: () => server?.close() });

async function start({ root, host, port, api }) {
  process.chdir(root);
  const vite = createRequire(join(root, "package.json")).resolve("vite");
  const { createServer } = await import(pathToFileURL(vite));
  server = await createServer({
    root,
    clearScreen: false,
    server: {
      host,
      port,
      strictPort: true,
      // The Worker sees the address that the browser sees, as in production.
      proxy: { "/v1": { target: api, ws: true, changeOrigin: false } },
    },
  });
  await server.listen();
  tell({ ready: true, url: `http://${host}:${port}` });
}
