// Stands first in a page that is shown beside a chat, and tells the app what goes wrong in it: errors and warnings on the
// console, what was thrown or rejected and not caught, and what did not load. It changes nothing that the page can notice
// but its two console functions, throws nothing into it, and tells the app's origin alone.
(() => {
  "use strict";
  const script = document.currentScript;
  const app = script?.dataset.app;
  script?.remove();
  const parent = window.parent;
  // A frame within the page has the page for its parent: what that one should hear is not for us to say.
  if (!app || parent === window || parent !== window.top) return;

  const MESSAGES = 50; // of one page; after them only their number is told
  const CHARS = 2000;
  const PARTS = 10; // of an array or an object
  const DEPTH = 3;
  let told = 0;
  let left = 0;
  let timer = 0;
  let busy = false;

  const later = window.setTimeout.bind(window);
  const post = (message) => parent.postMessage({ slipway: "console", ...message }, app);

  function tell(level, kind, text, place) {
    if (told >= MESSAGES) {
      left += 1;
      timer ||= later(() => {
        timer = 0;
        post({ type: "more", count: left });
      }, 500);
      return;
    }
    told += 1;
    // Its own address says nothing that the app does not know.
    const short = text.replaceAll(`${location.origin}/`, "/").slice(0, CHARS);
    post({ type: "entry", level, kind, text: short, ...place });
  }

  /** Whatever the page hands in must not come back at it, and telling must not make more to tell. */
  function guarded(run) {
    if (busy) return;
    busy = true;
    try {
      run();
    } catch {
      // Something that cannot be looked at is not told.
    } finally {
      busy = false;
    }
  }

  /** A value as text. Getters are not called. */
  function show(value, depth = 0) {
    if (typeof value === "string") return depth === 0 ? value.slice(0, CHARS) : JSON.stringify(value.slice(0, 200));
    if (typeof value === "function") return `function ${Object.getOwnPropertyDescriptor(value, "name")?.value || ""}`.trim();
    if (value === null || typeof value !== "object") return String(value);
    if (value instanceof Error) return depth === 0 && value.stack ? stackOf(value) : `${value.name}: ${value.message}`;
    if (value instanceof Element) return `<${value.localName}${value.id ? `#${value.id}` : ""}>`;
    if (depth >= DEPTH) return Array.isArray(value) ? "[…]" : "{…}";
    const list = Array.isArray(value);
    const keys = Object.keys(value);
    const parts = keys.slice(0, PARTS).map((key) => {
      const field = Object.getOwnPropertyDescriptor(value, key);
      const text = field && "value" in field ? show(field.value, depth + 1) : "…";
      return list ? text : `${key}: ${text}`;
    });
    if (keys.length > PARTS) parts.push("…");
    return list ? `[${parts.join(", ")}]` : `{${parts.join(", ")}}`;
  }

  /** Some browsers write the message into the stack, some do not. */
  function stackOf(error) {
    const title = `${error.name}: ${error.message}`;
    const stack = String(error.stack);
    return stack.startsWith(title) ? stack : `${title}\n${stack}`;
  }

  /** The arguments of a console function as one text, with the first one's placeholders filled in. */
  function line(values) {
    const rest = [...values];
    let text = "";
    if (typeof rest[0] === "string" && rest.length > 1) {
      text = rest.shift().slice(0, CHARS).replace(/%[sdifoOc%]/g, (sign) => {
        if (sign === "%%") return "%";
        if (rest.length === 0) return sign;
        const value = show(rest.shift());
        return sign === "%c" ? "" : value;
      });
    }
    return [...(text ? [text] : []), ...rest.map((value) => show(value))].join(" ");
  }

  function at(source, line, column) {
    const origin = `${location.origin}/`;
    const short = source.startsWith(origin) ? source.slice(origin.length - 1) : source;
    return { source: short.slice(0, 300), line: line >>> 0, column: column >>> 0 };
  }

  /** The first place of a stack that is not in here. */
  function placeOf(stack) {
    for (const [place, source, line, column] of String(stack ?? "").matchAll(/(\w+:\/\/[^\s()]+?):(\d+):(\d+)/g)) {
      if (!place.includes("/.well-known/slipway/")) return at(source, Number(line), Number(column));
    }
    return {};
  }

  for (const [name, level] of [["error", "error"], ["warn", "warning"]]) {
    const plain = console[name];
    console[name] = function (...values) {
      guarded(() => tell(level, "console", line(values), placeOf(new Error().stack)));
      return Reflect.apply(plain, this, values);
    };
  }

  window.addEventListener(
    "error",
    (event) =>
      guarded(() => {
        const target = event.target;
        if (target instanceof Element) {
          const address = target.currentSrc || target.src || target.href || target.data || "";
          tell("error", "resource", `<${target.localName}> did not load: ${String(address).slice(0, 500)}`, {});
        } else if (event instanceof ErrorEvent) {
          const text = event.error instanceof Error ? show(event.error) : event.message;
          tell("error", "uncaught", text, event.filename ? at(event.filename, event.lineno, event.colno) : {});
        }
      }),
    true,
  );
  window.addEventListener("unhandledrejection", (event) =>
    guarded(() => tell("error", "rejection", show(event.reason), placeOf(event.reason?.stack))),
  );
  guarded(() => post({ type: "ready", path: location.pathname.slice(0, 300) }));
})();
