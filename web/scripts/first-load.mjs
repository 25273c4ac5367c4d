// Prints what each screen loads at first, gzipped, and fails when one goes past the limit. Counts JavaScript and style
// sheets that the screen's code imports statically, with the document; what is imported on use does not count.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMIT = 150 * 1024;
const root = join(import.meta.dirname, '..');
const client = join(root, '.svelte-kit/output/client');
const manifest = JSON.parse(readFileSync(join(client, '.vite/manifest.json'), 'utf8'));

const sizes = new Map();
function gzipped(file) {
  if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(file)).length);
  return sizes.get(file);
}

/** All files that come with a manifest entry. */
function closure(key, files = new Set()) {
  const entry = manifest[key];
  if (files.has(entry.file)) return files;
  files.add(entry.file);
  for (const sheet of entry.css ?? []) files.add(sheet);
  for (const next of entry.imports ?? []) closure(next, files);
  return files;
}

// What every screen needs: the entries, and the router, which the first of them imports at once.
const named = (pattern) => Object.keys(manifest).filter((key) => pattern.test(manifest[key].name ?? ''));
const entries = [...named(/^entry\//), ...named(/^client-entry$/)];
const nodes = named(/^nodes\//);
if (entries.length < 3 || nodes.length === 0) throw new Error('The build has no entries: run `npm run build -w web` first.');

// app.js names the layouts and the page of every route.
const app = readFileSync(join(root, '.svelte-kit/generated/build/client-optimized/app.js'), 'utf8');
const dictionary = /export const dictionary = (\{[\s\S]*?\n\s*\});/.exec(app)?.[1];
if (!dictionary) throw new Error('The list of routes was not found in the build.');
const routes = Function(`return ${dictionary}`)();
const nodeKey = (index) => nodes.find((key) => manifest[key].name === `nodes/${index}`);

const document = gzipped(join(root, 'build/index.html')) + gzipped(join(root, 'build/appearance.js'));
let worst = 0;
for (const [route, [page, layouts = []]] of Object.entries(routes)) {
  const files = new Set();
  for (const entry of entries) closure(entry, files);
  for (const index of [0, ...layouts.filter((layout) => layout !== undefined), page]) closure(nodeKey(index), files);
  const total = [...files].reduce((sum, file) => sum + gzipped(join(client, file)), document);
  worst = Math.max(worst, total);
  console.log(`${(total / 1024).toFixed(1).padStart(7)} KiB  ${String(files.size).padStart(3)} files  ${route}`);
}
console.log(`limit ${LIMIT / 1024} KiB, largest ${(worst / 1024).toFixed(1)} KiB`);
if (worst > LIMIT) process.exitCode = 1;
