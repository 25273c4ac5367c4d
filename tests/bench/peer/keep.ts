// Rows that leave their object for R2 and come back, in the shortest way that there is: all of a table packed into one
// object of R2, and put back in bulk in one transaction. Nothing is read back or compared, and a process that dies in
// between loses everything.

import { DurableObject } from "cloudflare:workers";

const COLUMNS = ["seq", "kind", "actor", "messages", "client_id", "target", "edits", "deleted", "event", "fork"];
const TABLE = `CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, actor TEXT NOT NULL,
  messages INTEGER NOT NULL, client_id TEXT, target INTEGER, edits INTEGER NOT NULL, deleted INTEGER NOT NULL,
  event TEXT NOT NULL, fork INTEGER)`;
const ROWS_AT_ONCE = 2_000;
const CHARACTERS_AT_ONCE = 500_000;

export class Keep extends DurableObject<{ KEPT: R2Bucket }> {
  // POST /keep/{name}/take?part={key}: takes in the events of one part of an archive. /leave, /back: away and here again.
  async fetch(request: Request) {
    const { pathname, searchParams } = new URL(request.url);
    const [, , name, what] = pathname.split("/");
    if (what === "take") return Response.json({ rows: this.#insert(events(await this.#read(searchParams.get("part")!))) });
    if (what === "leave") return Response.json(await this.#leave(`peer/${name}`));
    if (what === "back") return Response.json({ rows: this.#insert(await this.#read(`peer/${name}`)) });
    return Response.json({});
  }

  async #leave(key: string) {
    const { sql } = this.ctx.storage;
    const gzip = new CompressionStream("gzip");
    const packed = new Response(gzip.readable).arrayBuffer();
    const writer = gzip.writable.getWriter();
    const encoder = new TextEncoder();
    const query = `SELECT ${COLUMNS.join(", ")} FROM events WHERE seq > ? ORDER BY seq LIMIT ${ROWS_AT_ONCE}`;
    let [rows, raw, last] = [0, 0, 0];
    for (;;) {
      const page = [...sql.exec(query, last).raw()];
      if (page.length === 0) break;
      const bytes = encoder.encode(page.map((row) => `${JSON.stringify(row)}\n`).join(""));
      rows += page.length;
      raw += bytes.length;
      last = Number(page.at(-1)![0]);
      await writer.write(bytes);
    }
    await writer.close();
    const bytes = await packed;
    await this.env.KEPT.put(key, bytes);
    sql.exec("DROP TABLE events");
    return { rows, raw, packed: bytes.byteLength };
  }

  async #read(key: string) {
    const object = await this.env.KEPT.get(key);
    if (!object) throw new Error(`R2 has no ${key}`);
    return await new Response(object.body.pipeThrough(new DecompressionStream("gzip"))).text();
  }

  #insert(lines: string) {
    const { sql } = this.ctx.storage;
    const values = COLUMNS.map((_, place) => `value ->> ${place}`).join(", ");
    const statement = `INSERT INTO events (${COLUMNS.join(", ")}) SELECT ${values} FROM json_each(?)`;
    return this.ctx.storage.transactionSync(() => {
      sql.exec(TABLE);
      let rows = 0;
      for (let from = 0; from < lines.length; ) {
        let to = lines.lastIndexOf("\n", from + CHARACTERS_AT_ONCE);
        // One line that is longer.
        if (to < from) to = lines.indexOf("\n", from);
        const batch = lines.slice(from, to).split("\n");
        sql.exec(statement, `[${batch.join(",")}]`);
        rows += batch.length;
        from = to + 1;
      }
      return rows;
    });
  }
}

// The lines of a part that are rows of `events`, which has the columns in the same order.
function events(part: string) {
  let wanted = false;
  const rows = part.split("\n").filter((line) => {
    if (line.startsWith("{")) {
      wanted = line.startsWith('{"table":"events"');
      if (wanted && line !== JSON.stringify({ table: "events", columns: COLUMNS })) throw new Error(`other columns: ${line}`);
      return false;
    }
    return wanted && line !== "";
  });
  return rows.map((line) => `${line}\n`).join("");
}
