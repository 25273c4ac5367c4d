// PgBouncer in transaction mode in front of a local Postgres: what Hyperdrive's pooling does to sessions.
// Settings: {port, upstream: {port}, users: {name: password}, poolSize}. Ready: {port, pid}.

import { spawn } from "node:child_process";
import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guarded, supervised, tell } from "./supervised.mjs";
import { unprivilegedIdentity } from "./unprivileged.mjs";

const STOP_MS = 10_000;
let pooler;
let folder;

supervised({ start, stop });

async function start({ port, upstream, users, poolSize }) {
  const identity = unprivilegedIdentity();
  folder = mkdtempSync(join(tmpdir(), "slipway-pgbouncer-"));
  if (identity) chownSync(folder, identity.uid, identity.gid);
  const file = (name, text) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    if (identity) chownSync(path, identity.uid, identity.gid);
    return path;
  };
  const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
  const userList = Object.entries(users).map(([name, password]) => `${quoted(name)} ${quoted(password)}\n`);
  const settings = [
    "[databases]",
    `* = host=127.0.0.1 port=${upstream.port}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    "unix_socket_dir =",
    // On this machine only. From a plain password, PgBouncer and its client would spend SCRAM's 4,096 iterations on every
    // connection of a Worker (one for each request); the pooling is what is wanted of it.
    "auth_type = plain",
    `auth_file = ${file("users.txt", userList.join(""))}`,
    "pool_mode = transaction",
    `default_pool_size = ${poolSize}`,
    "max_client_conn = 2000",
    // After an outage it asks for its server each second, not only after fifteen.
    "server_login_retry = 1",
    "server_reset_query_always = 0",
    "log_connections = 0",
    "log_disconnections = 0",
  ];
  const child = spawn(...guarded("TERM", "pgbouncer", [file("pgbouncer.ini", `${settings.join("\n")}\n`)]), {
    ...identity,
    cwd: "/",
    stdio: ["ignore", "ignore", "pipe"],
  });
  pooler = child;
  let log = "";
  child.stderr.setEncoding("utf8");
  await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`PgBouncer ended (exit code ${code}): ${log.trim()}`)));
    child.stderr.on("data", (chunk) => {
      process.stderr.write(chunk);
      log = (log + chunk).slice(-4000);
      if (log.includes("process up")) resolve();
    });
  });
  tell({ ready: true, port, pid: child.pid });
}

/** SIGTERM ends PgBouncer at once; its clients reconnect elsewhere or fail. */
async function stop() {
  if (folder) rmSync(folder, { recursive: true, force: true });
  const child = pooler;
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  child.removeAllListeners("exit");
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await ended;
  clearTimeout(timer);
}
