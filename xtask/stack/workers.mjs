// The Workers on real workerd in one Miniflare process; the same file serves `dev`, the tests and the bench.
// Settings: {workers: [{config, main, vars, assets?, host?, port?, directPort?}], persist, hyperdrives, log, crons?}
// With `crons`, the cron handlers run as their wrangler.toml says (each minute, or they are refused here).
// `config` is the Worker's wrangler.toml, so that a binding is declared in one place only.
// Ready: {workers: {name: {url?, directUrl?}}, workerd, pid}. After a crash of workerd: {restarted, workerd}.
// Commands: {"scheduled": worker, "cron": "* * * * *"} runs a cron handler, answered by {"ran": …}.

import { createWriteStream, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { supervised, tell } from "./supervised.mjs";

const require = createRequire(import.meta.url);
let miniflare;

supervised({ start, stop: () => miniflare?.dispose(), command });

async function start(settings) {
  // Read when workerd is spawned: the wrapper ties workerd's life to this process.
  process.env.SLIPWAY_WORKERD = require("workerd").default;
  process.env.MINIFLARE_WORKERD_PATH = join(dirname(fileURLToPath(import.meta.url)), "workerd.sh");
  const { Miniflare, NoOpLog } = require("miniflare");
  mkdirSync(settings.persist, { recursive: true });
  mkdirSync(dirname(settings.log), { recursive: true });
  const log = createWriteStream(settings.log, { flags: "a" });
  const sqlite = sqliteClasses(settings.workers);
  miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    log: new NoOpLog(),
    durableObjectsPersist: join(settings.persist, "objects"),
    r2Persist: join(settings.persist, "r2"),
    cachePersist: false,
    handleStructuredLogs: (entry) => record(log, entry),
    unsafeHandleRuntimeRestart: () => tell({ restarted: true, workerd: workerdPid() }),
    workers: directSockets(settings.workers.map((worker) => options(worker, settings, sqlite)), settings.workers),
  });
  await miniflare.ready;
  const workers = {};
  for (const { config, host = "127.0.0.1", port, directPort } of settings.workers) {
    workers[config.name] = {
      ...(port ? { url: `http://${host}:${port}` } : {}),
      ...(directPort ? { directUrl: `http://127.0.0.1:${directPort}` } : {}),
    };
  }
  tell({ ready: true, workers, workerd: workerdPid(), pid: process.pid });
  if (settings.crons) runCrons(settings.workers);
}

/** The platform's clock, for Workers that ask to be woken each minute. */
function runCrons(workers) {
  for (const { config } of workers) {
    for (const cron of config.triggers?.crons ?? []) {
      if (cron !== "* * * * *") throw new Error(`${config.name}: the local stack knows no cron but "* * * * *"`);
      setInterval(async () => {
        try {
          await (await miniflare.getWorker(config.name)).scheduled({ cron });
        } catch (error) {
          process.stderr.write(`${config.name}: its cron handler failed: ${error}\n`);
        }
      }, 60_000).unref();
    }
  }
}

/** Miniflare's options for one Worker, from its wrangler.toml. */
function options({ config, main, vars, assets, host = "127.0.0.1", port }, { hyperdrives }, sqlite) {
  const known = new Set([
    ...["name", "main", "compatibility_date", "compatibility_flags", "build", "env", "vars", "migrations", "rules"],
    ...["durable_objects", "services", "hyperdrive", "r2_buckets", "queues", "assets", "workers_dev", "routes"],
    ...["observability", "limits", "triggers", "preview_urls", "route", "find_additional_modules", "$schema"],
    ...["placement", "upload_source_maps", "minify", "no_bundle"],
  ]);
  const unknown = Object.keys(config).filter((key) => !known.has(key));
  if (unknown.length > 0) {
    throw new Error(`${config.name}: wrangler.toml uses ${unknown.join(", ")}, which the local stack does not know`);
  }
  const list = (items, entry) => Object.fromEntries((items ?? []).map(entry));
  return {
    name: config.name,
    modules: true,
    scriptPath: main,
    modulesRoot: dirname(main),
    modulesRules: [
      { type: "ESModule", include: ["**/*.js"] },
      { type: "CompiledWasm", include: ["**/*.wasm"] },
    ],
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags ?? [],
    bindings: vars,
    durableObjects: list(config.durable_objects?.bindings, ({ name, class_name: className, script_name }) => [
      name,
      { className, scriptName: script_name, useSQLite: sqlite.has(`${script_name ?? config.name}/${className}`) },
    ]),
    serviceBindings: list(config.services, ({ binding, service, entrypoint }) => [
      binding,
      entrypoint ? { name: service, entrypoint } : service,
    ]),
    hyperdrives: list(config.hyperdrive, ({ binding }) => {
      if (!hyperdrives?.[binding]) throw new Error(`${config.name}: no local database for the binding ${binding}`);
      return [binding, hyperdrives[binding]];
    }),
    r2Buckets: list(config.r2_buckets, ({ binding, bucket_name }) => [binding, bucket_name]),
    queueProducers: list(config.queues?.producers, ({ binding, queue }) => [binding, queue]),
    queueConsumers: list(config.queues?.consumers, (consumer) => [
      consumer.queue,
      {
        maxBatchSize: consumer.max_batch_size,
        maxBatchTimeout: consumer.max_batch_timeout,
        maxRetries: consumer.max_retries,
        deadLetterQueue: consumer.dead_letter_queue,
        retryDelay: consumer.retry_delay,
      },
    ]),
    ...(assets && config.assets ? { assets: assetOptions(config, assets) } : {}),
    ...(port ? { unsafeDirectSockets: [{ host, port }] } : {}),
  };
}

/** Static files, routed as on the platform: files first, except for the paths of `run_worker_first`. */
function assetOptions({ name, assets }, directory) {
  const first = assets.run_worker_first;
  const rules = Array.isArray(first) ? first : undefined;
  return {
    workerName: name,
    directory: resolve(directory),
    binding: assets.binding,
    routerConfig: {
      has_user_worker: true,
      invoke_user_worker_ahead_of_assets: first === true,
      ...(rules
        ? {
            static_routing: {
              user_worker: rules.filter((rule) => !rule.startsWith("!")),
              asset_worker: rules.filter((rule) => rule.startsWith("!")).map((rule) => rule.slice(1)),
            },
          }
        : {}),
    },
    assetConfig: { html_handling: assets.html_handling, not_found_handling: assets.not_found_handling },
  };
}

/**
 * A socket of a Worker with assets passes Miniflare's asset router first. `directPort` gives a second one that
 * reaches the Worker itself; Miniflare allows it as a socket of another Worker that has none of its own.
 */
function directSockets(all, workers) {
  const free = all.filter((worker) => !worker.unsafeDirectSockets);
  for (const { config, directPort } of workers) {
    if (!directPort) continue;
    const carrier = free.pop();
    if (!carrier) throw new Error("no Worker is left to carry a direct socket");
    carrier.unsafeDirectSockets = [{ host: "127.0.0.1", port: directPort, serviceName: config.name }];
  }
  return all;
}

/** `worker/Class` of every Durable Object class that is declared with SQLite storage. */
function sqliteClasses(workers) {
  const classes = new Set();
  for (const { config } of workers) {
    for (const { new_sqlite_classes } of config.migrations ?? []) {
      for (const name of new_sqlite_classes ?? []) classes.add(`${config.name}/${name}`);
    }
  }
  return classes;
}

/** Appends one log line as JSON; what is an error goes to stderr too, where the developer sees it. */
function record(log, { timestamp, level, message }) {
  let entry;
  try {
    entry = JSON.parse(message);
  } catch {
    entry = { message };
  }
  if (entry === null || typeof entry !== "object") entry = { message };
  const line = JSON.stringify({ time: new Date(timestamp).toISOString(), level, ...entry });
  log.write(`${line}\n`);
  if (level === "error" || entry.level === "error") process.stderr.write(`${line}\n`);
}

async function command({ scheduled, cron }) {
  if (!scheduled) return;
  const worker = await miniflare.getWorker(scheduled);
  const result = await worker.scheduled({ cron });
  tell({ ran: scheduled, cron, outcome: result.outcome });
}

/** The workerd that belongs to this process (Linux: the kernel lists the children of each thread). */
function workerdPid() {
  for (const task of readdirSync("/proc/self/task")) {
    for (const pid of readFileSync(`/proc/self/task/${task}/children`, "utf8").trim().split(" ")) {
      if (!pid) continue;
      if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("workerd\0serve")) return Number(pid);
    }
  }
  return undefined;
}
