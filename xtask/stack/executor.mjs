// The executor, beside the Workers: it makes the sandboxes.
// Settings: {program, listen, dataDir, places, args, env: {EXECUTOR_KEY, RELAY_KEY}, log}; `args` are further ones.
// Ready: {address, executor} with its process id. Commands: {"kill": true} ends it at once, answered by {"killed": true};
// {"start": true} starts it again on the same address and data, answered by {"started": true, executor}.

import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { guarded, supervised, tell } from "./supervised.mjs";

/** Longer than the executor gives its sandboxes to end. */
const STOP_LIMIT_MS = 10_000;

let settings;
let child;
let stopping = false;

supervised({
  start: async (given) => {
    settings = given;
    const { address } = await launch();
    settings.listen = address;
    tell({ ready: true, address, executor: child.pid });
  },
  stop: () => end("SIGTERM"),
  command: async ({ kill, start }) => {
    if (kill) {
      await end("SIGKILL");
      tell({ killed: true });
    }
    if (start) {
      await launch();
      tell({ started: true, executor: child.pid });
    }
  },
});

/** Starts the program; its first line says where it listens. */
function launch() {
  stopping = false;
  const { program, listen, dataDir, places, args: more, env, log } = settings;
  mkdirSync(dirname(log), { recursive: true });
  const args = ["--listen", listen, "--data-dir", dataDir, "--places", String(places), ...more];
  const [command, all] = guarded("KILL", program, args);
  child = spawn(command, all, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  child.stderr.pipe(createWriteStream(log, { flags: "a" }));
  const started = child;
  return new Promise((resolve, reject) => {
    started.on("error", reject);
    started.on("exit", (code, signal) => {
      reject(new Error(`the executor ended with ${signal ?? code}; see ${log}`));
      if (!stopping && child === started) tell({ failed: `the executor ended with ${signal ?? code}; see ${log}` });
    });
    createInterface({ input: started.stdout }).once("line", (line) => {
      try {
        resolve(JSON.parse(line));
      } catch (error) {
        reject(error);
      }
    });
  });
}

/** Ends it and waits until it is gone. */
async function end(signal) {
  stopping = true;
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  const late = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
  await gone;
  clearTimeout(late);
}
