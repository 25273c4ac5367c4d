// The hot path's side of the border in JavaScript. A call from Wasm costs, each text that crosses is copied and decoded, and
// each object of the platform that is looked at has to be made and collected. So what a request is asked for crosses as one
// text, and it is sent on without a copy of it or of its header fields. Nothing is decided here.

/** Method, whether it asks for another protocol, cookies and address: four lines. */
export function look(request) {
  const fields = request.headers;
  return `${request.method}\n${fields.get("upgrade") ?? ""}\n${fields.get("cookie") ?? ""}\n${request.url}`;
}

/** Sends a request on. Its body and its response are handed over as they are, a socket too. */
export function pass(request, to, refused, failed) {
  return fetch(to, request).then(
    (response) =>
      // The executor marks what it says itself, and takes the mark out of a sandbox's answers.
      response.status < 400 || !response.headers.has("x-slipway-relay") ? response : refused(request, response),
    (error) => failed(request, error),
  );
}
