// What every program in this folder shares: it is started by xtask, reads one JSON line of settings from
// stdin, says `{"ready":true,…}` in one line on stdout, and ends when its stdin closes. The last rule is what
// keeps a killed xtask from leaving anything behind.

import { spawnSync } from "node:child_process";
import { createInterface } from "node:readline";

/** Prints one JSON line for xtask. */
export function tell(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/**
 * Runs `start(settings)` with the first line of stdin, then `stop` once: when stdin closes or a signal arrives.
 * Further lines go to `command`. A failure is told as `{"failed": …}` and ends the process with code 1.
 */
export function supervised({ start, stop, command }) {
  let stopping = false;
  const end = async (code) => {
    if (stopping) return;
    stopping = true;
    try {
      await stop();
    } catch (error) {
      tell({ failed: String(error?.stack ?? error) });
      process.exit(1);
    }
    process.exit(code);
  };
  const fail = async (error) => {
    tell({ failed: String(error?.message ?? error) });
    await end(1);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => end(0));
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  // When xtask is gone so are the other ends of these pipes; what matters then is to stop in good order.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  let started = false;
  const lines = createInterface({ input: process.stdin });
  lines.on("line", async (line) => {
    try {
      const message = JSON.parse(line);
      if (started) return await command?.(message);
      started = true;
      await start(message);
    } catch (error) {
      await fail(error);
    }
  });
  lines.on("close", () => end(0));
}

/** Program and arguments that make the kernel send `signal` to the child should this process be killed outright. */
export function guarded(signal, program, args) {
  const available = spawnSync("setpriv", ["--version"]).status === 0;
  return available ? ["setpriv", ["--pdeathsig", signal, program, ...args]] : [program, args];
}
