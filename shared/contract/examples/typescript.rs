//! Writes the web app's types: everything that a chat's socket and log carry, as one TypeScript module on standard output.
//!
//! `cargo run -p slipway-contract --features typescript --example typescript > web/src/lib/api/events.ts`

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};
use std::io::Write as _;

use slipway_contract::objects::executor::TerminalControl;
use slipway_contract::{events::Event, limits, socket};
use ts_rs::{Config, TS, TypeVisitor};

fn main() -> std::io::Result<()> {
    let mut module = Module { config: Config::new().with_large_int("number"), ..Module::default() };
    module.visit::<socket::ClientFrame>();
    module.visit::<socket::ServerFrame>();
    module.visit::<Event>();
    module.visit::<TerminalControl>();

    let mut out = std::io::stdout().lock();
    writeln!(out, "// Generated from shared/contract by its example `typescript`. Do not edit.")?;
    for declaration in module.declarations.values() {
        writeln!(out, "\n{declaration}")?;
    }
    writeln!(out, "\n/** Sub-protocol of the chat socket. */")?;
    writeln!(out, "export const SOCKET_PROTOCOL = '{}';", limits::SOCKET_PROTOCOL)?;
    writeln!(out, "\n/** Close codes of the chat socket beyond those of RFC 6455. */")?;
    writeln!(out, "export const CLOSE = {{")?;
    writeln!(out, "  badFrame: {},", socket::close::BAD_FRAME)?;
    writeln!(out, "  removed: {},", socket::close::REMOVED)?;
    writeln!(out, "  replaced: {},", socket::close::REPLACED)?;
    writeln!(out, "  resync: {},", socket::close::RESYNC)?;
    writeln!(out, "  deleted: {},", socket::close::DELETED)?;
    writeln!(out, "}} as const;")?;
    writeln!(out, "\n/** Limits that the app checks before it sends; the server checks them again. */")?;
    writeln!(out, "export const LIMITS = {{")?;
    writeln!(out, "  messageBytes: {},", limits::MESSAGE_BYTES)?;
    writeln!(out, "  nameChars: {},", limits::NAME_CHARS)?;
    writeln!(out, "  instructionsBytes: {},", limits::INSTRUCTIONS_BYTES)?;
    writeln!(out, "  pageDefault: {},", limits::PAGE_DEFAULT)?;
    writeln!(out, "  pageMax: {},", limits::PAGE_MAX)?;
    writeln!(out, "  passwordMin: {},", limits::PASSWORD_CHARS.start())?;
    writeln!(out, "  passwordMax: {},", limits::PASSWORD_CHARS.end())?;
    writeln!(out, "  reasonChars: {},", limits::REASON_CHARS)?;
    writeln!(out, "  hostsPerSandbox: {},", limits::HOSTS_PER_SANDBOX)?;
    writeln!(out, "  attachmentBytes: {},", limits::ATTACHMENT_BYTES)?;
    writeln!(out, "  attachmentsPerMessage: {},", limits::ATTACHMENTS_PER_MESSAGE)?;
    writeln!(out, "  fileNameBytes: {},", limits::FILE_NAME_BYTES)?;
    writeln!(out, "}} as const;")
}

/// The declarations found so far, by name; a type is declared once however often it is reached.
#[derive(Default)]
struct Module {
    config: Config,
    seen: HashSet<TypeId>,
    declarations: BTreeMap<String, String>,
}

impl TypeVisitor for Module {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        T::visit_dependencies(self);
        // Only types that would get a file of their own have a declaration; the rest (strings, lists) stand inline.
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            let declaration = format!("{docs}export {}", T::decl(&self.config));
            self.declarations.insert(T::ident(&self.config), declaration);
        }
    }
}
