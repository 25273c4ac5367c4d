// The floor that the gateway is compared with: what any Worker pays that passes requests on. It checks nothing.
// Below /route/ it tells a sandbox's route object where the sandbox is, as the orchestrator would.

export default {
  fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/route/")) return env.ROUTE.getByName(pathname.slice(7)).fetch(request);
    return fetch(new Request(env.UPSTREAM + pathname, request));
  },
};
