// One page, drawn in the browser only: what is shown depends on who is signed in.
export const ssr = false;
export const prerender = false;
