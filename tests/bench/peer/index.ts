// The peers that the bench compares with. `Room`: a chat room as the documentation of `partyserver` would have it.
// Hibernating sockets, one INSERT a message, a broadcast, an acknowledgement. `Keep`: rows that leave for R2 and come back
// in the shortest way that there is.

import { type Connection, Server, routePartykitRequest } from "partyserver";
import { Keep } from "./keep";

export { Keep };

type Env = { Room: DurableObjectNamespace<Room>; Keep: DurableObjectNamespace<Keep>; KEPT: R2Bucket };

export class Room extends Server<Env> {
  static options = { hibernate: true };
  #seq = 0;

  onStart() {
    const { sql } = this.ctx.storage;
    sql.exec("CREATE TABLE IF NOT EXISTS messages (seq INTEGER PRIMARY KEY, sender TEXT, text TEXT, at INTEGER)");
    this.#seq = Number(sql.exec("SELECT coalesce(max(seq), 0) AS seq FROM messages").one().seq);
  }

  onMessage(connection: Connection, message: string) {
    const { id, text } = JSON.parse(message);
    const seq = ++this.#seq;
    const at = Date.now();
    this.ctx.storage.sql.exec("INSERT INTO messages VALUES (?, ?, ?, ?)", seq, connection.id, text, at);
    this.broadcast(JSON.stringify({ type: "message", seq, sender: connection.id, text, at }));
    connection.send(JSON.stringify({ type: "done", id, seq }));
  }
}

// Beside the rooms: /keep/{name}/{what} is for a `Keep`; GET /r2/{key} reads an object of R2, with ?unpack its unpacked bytes.
export default {
  async fetch(request: Request, env: Env) {
    const { pathname, searchParams } = new URL(request.url);
    const [, kind, ...rest] = pathname.split("/");
    if (kind === "keep") return env.Keep.get(env.Keep.idFromName(rest[0])).fetch(request);
    if (kind === "r2") {
      const object = await env.KEPT.get(rest.join("/"));
      if (!object) return new Response("not found", { status: 404 });
      const unpack = searchParams.has("unpack");
      return new Response(unpack ? object.body.pipeThrough(new DecompressionStream("gzip")) : object.body);
    }
    return (await routePartykitRequest(request, env)) ?? new Response("not found", { status: 404 });
  },
};
