// Stands before the built Worker: requests go straight to its `fetch`. The class that the build exports is wrapped in proxies
// that are made anew for every request, a twentieth of what a warm preview costs. They start the module again after a panic;
// its own exports do that as well, when they are called next.

import worker, { SandboxRoute } from "./build/index.js";

const { fetch } = worker.prototype;

export { SandboxRoute };
export default { fetch: (request, env, ctx) => fetch.call({ env, ctx }, request) };
