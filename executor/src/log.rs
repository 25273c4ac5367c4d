//! One line of JSON on standard error for each outcome that somebody may have to act on. Never what people or programs
//! wrote.

use std::io::Write;

use slipway_contract::ids::SandboxId;

/// Something about a sandbox.
pub fn outcome(what: &str, sandbox: SandboxId, detail: &str) {
    write(
        &serde_json::json!({ "at": crate::fleet::now(), "what": what, "sandbox": sandbox, "detail": detail }),
    );
}

/// Something about the executor itself.
pub fn trouble(what: &str, detail: &str) {
    write(&serde_json::json!({ "at": crate::fleet::now(), "what": what, "detail": detail }));
}

fn write(line: &serde_json::Value) {
    // Nowhere else to say it.
    let _ = writeln!(std::io::stderr(), "{line}");
}
