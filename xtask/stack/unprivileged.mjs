// Postgres and PgBouncer refuse to run as root; this finds the user they run as then.

import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { dirname } from "node:path";

/** {uid, gid} of the user `postgres`, created when it is missing; undefined when this process is not root. */
export function unprivilegedIdentity() {
  if (process.getuid() !== 0) return undefined;
  const look = (flag) => spawnSync("id", [flag, "postgres"], { encoding: "utf8" });
  if (look("-u").status !== 0) {
    const made = spawnSync("useradd", ["--system", "--user-group", "--shell", "/usr/sbin/nologin", "postgres"], {
      encoding: "utf8",
    });
    if (made.status !== 0) throw new Error(`cannot create the user postgres: ${made.stderr || made.error}`);
  }
  return { uid: Number(look("-u").stdout), gid: Number(look("-g").stdout) };
}

/** Whether `identity` may pass through every folder down to `path`; folders yet to be made count as open. */
export function reachable(path, identity) {
  for (let folder = path; ; folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder, { throwIfNoEntry: false }) ?? { mode: 0o001 };
    const bit = uid === identity.uid ? 0o100 : gid === identity.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
