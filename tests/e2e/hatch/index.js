// POST /chats/{chat} hands a call to the chat's object. PUT /r2/{key} puts an object; with ?gzip, packed: {bytes, sha256}.

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const [, kind, ...rest] = pathname.split("/");
    if (request.method === "POST" && kind === "chats") {
      const object = env.CHAT.get(env.CHAT.idFromName(rest.join("/")));
      return object.fetch("https://chat/", { method: "POST", body: await request.text() });
    }
    if (request.method === "PUT" && kind === "r2") {
      const body = searchParams.has("gzip") ? request.body.pipeThrough(new CompressionStream("gzip")) : request.body;
      const bytes = await new Response(body).arrayBuffer();
      const digest = await crypto.subtle.digest("SHA-256", bytes);
      await env.ARTIFACTS.put(rest.join("/"), bytes);
      const sha256 = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      return Response.json({ bytes: bytes.byteLength, sha256 });
    }
    return new Response("no such way in", { status: 404 });
  },
};
