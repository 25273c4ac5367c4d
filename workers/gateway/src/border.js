// The hot path's side of the border in JavaScript. A call from Wasm costs, each text that crosses is copied and decoded, and
// each object of the platform that is looked at has to be made and collected. So what a request is asked for crosses as one
// text, and it is sent on without a copy of it or of its header fields. Nothing is decided here.

/** Method, whether it asks for another protocol, cookies and address: four lines. */
export function look(request) {
  const fields = request.headers;
  return `${request.method}\n${fields.get("upgrade") ?? ""}\n${fields.get("cookie") ?? ""}\n${request.url}`;
}

/** Sends a request on. Its body and its response are handed over as they are, a socket too; but for what a frame shows. */
export function pass(request, to, refused, failed, framed) {
  return fetch(to, request).then(
    (response) =>
      // The executor marks what it says itself, and takes the mark out of a sandbox's answers.
      response.status >= 400 && response.headers.has("x-slipway-relay")
        ? refused(request, response)
        : // Browsers set this field, pages cannot: what is no frame's document costs no more than this look.
          request.headers.get("sec-fetch-dest") === "iframe"
          ? framed(request, response)
          : response,
    (error) => failed(request, error),
  );
}

/**
 * Puts `tag` into a page where `place` says, and hands the rest over as it comes. The platform decodes and encodes the body.
 * `place` answers a position of the beginning that it is shown, -1 for "show me more", -2 for "nowhere".
 */
export function insert(response, tag, place) {
  const reader = response.body.getReader();
  let begin = new Uint8Array(0);
  const body = new ReadableStream({
    async pull(out) {
      for (;;) {
        const { done, value } = await reader.read();
        let bytes = value;
        if (begin) {
          begin = done ? begin : joined(begin, value);
          const at = place(begin, done);
          if (at === -1) continue;
          bytes = at < 0 ? begin : joined(begin.subarray(0, at), new TextEncoder().encode(tag), begin.subarray(at));
          begin = undefined;
        }
        if (bytes?.length > 0) out.enqueue(bytes);
        if (done) out.close();
        return;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
  const page = new Response(body, response);
  page.headers.delete("content-length");
  return page;
}

function joined(...parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
