// The peer that the bench compares with: a chat room as the documentation of `partyserver` would have it. Hibernating
// sockets, one INSERT a message, a broadcast, an acknowledgement.

import { type Connection, Server, routePartykitRequest } from "partyserver";

type Env = { Room: DurableObjectNamespace<Room> };

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

export default {
  async fetch(request: Request, env: Env) {
    return (await routePartykitRequest(request, env)) ?? new Response("not found", { status: 404 });
  },
};
