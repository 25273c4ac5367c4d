//! What agents call tools with, held to its form.
//!
//! Invariant: a value of [`Tool`] is within every limit; what does not fit is said in words that let the agent mend it.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use slipway_contract::Problem;
use slipway_contract::approval::Risk;
use slipway_contract::events::ToolCall;
use slipway_contract::limits::{PATH_BYTES, REASON_CHARS};
use slipway_contract::sandbox::SandboxSize;
use slipway_domain::{context, egress};

use super::specs;
use crate::sandboxes::templates;

/// Longest command, in bytes; the executor takes 128 KiB of arguments.
pub(crate) const COMMAND_BYTES: usize = 64 * 1024;
/// How long a command may take, in seconds.
pub(crate) const TIMEOUT_S: core::ops::RangeInclusive<u32> = 1..=600;
/// How long it may take when the agent says nothing.
pub(crate) const TIMEOUT_DEFAULT_S: u32 = 60;

/// A call that can be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    RunCommand(RunCommand),
    Quiet(Quiet),
}

/// A call that tells nothing before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Quiet {
    StartSandbox(StartSandbox),
    WriteFile(WriteFile),
    ReadFile(OnePath),
    ListFiles(AnyPath),
    DeleteFile(OnePath),
    OpenPreview(OpenPreview),
    SaveArtifact(OnePath),
    RequestHosts(RequestHosts),
    StopSandbox(Nothing),
    ProposeContext(ProposeContext),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartSandbox {
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) size: SandboxSize,
    #[serde(default)]
    pub(crate) hosts: Vec<String>,
    #[serde(default)]
    pub(crate) template: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunCommand {
    pub(crate) command: String,
    #[serde(default)]
    pub(crate) cwd: Option<String>,
    #[serde(default)]
    pub(crate) timeout_s: Option<u32>,
    #[serde(default)]
    pub(crate) background: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WriteFile {
    pub(crate) path: String,
    pub(crate) content: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnePath {
    pub(crate) path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnyPath {
    #[serde(default)]
    pub(crate) path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenPreview {
    pub(crate) port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestHosts {
    pub(crate) hosts: Vec<String>,
    pub(crate) reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Where a proposal would be told. What the whole org's agents are told, people write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProposedScope {
    Chat,
    Channel,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProposeContext {
    pub(crate) scope: ProposedScope,
    pub(crate) title: String,
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
}

impl Tool {
    /// Reads a call.
    ///
    /// # Errors
    /// What the agent is told.
    pub(crate) fn of(call: &ToolCall) -> Result<Self, String> {
        let quiet = match call.name.as_str() {
            specs::RUN_COMMAND => {
                let wanted: RunCommand = read(call)?;
                return match wanted.check() {
                    Ok(()) => Ok(Self::RunCommand(wanted)),
                    Err(what) => Err(wrong(call, &what)),
                };
            }
            specs::START_SANDBOX => Quiet::StartSandbox(read(call)?),
            specs::WRITE_FILE => Quiet::WriteFile(read(call)?),
            specs::READ_FILE => Quiet::ReadFile(read(call)?),
            specs::LIST_FILES => Quiet::ListFiles(read(call)?),
            specs::DELETE_FILE => Quiet::DeleteFile(read(call)?),
            specs::OPEN_PREVIEW => Quiet::OpenPreview(read(call)?),
            specs::SAVE_ARTIFACT => Quiet::SaveArtifact(read(call)?),
            specs::REQUEST_HOSTS => Quiet::RequestHosts(read(call)?),
            specs::STOP_SANDBOX => Quiet::StopSandbox(read(call)?),
            specs::PROPOSE_CONTEXT => Quiet::ProposeContext(read(call)?),
            unknown => {
                return Err(format!("There is no tool `{}`.", unknown.chars().take(64).collect::<String>()));
            }
        };
        quiet.checked().map(Self::Quiet).map_err(|what| wrong(call, &what))
    }

    /// The tool's name, for the logs.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::RunCommand(_) => specs::RUN_COMMAND,
            Self::Quiet(Quiet::StartSandbox(_)) => specs::START_SANDBOX,
            Self::Quiet(Quiet::WriteFile(_)) => specs::WRITE_FILE,
            Self::Quiet(Quiet::ReadFile(_)) => specs::READ_FILE,
            Self::Quiet(Quiet::ListFiles(_)) => specs::LIST_FILES,
            Self::Quiet(Quiet::DeleteFile(_)) => specs::DELETE_FILE,
            Self::Quiet(Quiet::OpenPreview(_)) => specs::OPEN_PREVIEW,
            Self::Quiet(Quiet::SaveArtifact(_)) => specs::SAVE_ARTIFACT,
            Self::Quiet(Quiet::RequestHosts(_)) => specs::REQUEST_HOSTS,
            Self::Quiet(Quiet::StopSandbox(_)) => specs::STOP_SANDBOX,
            Self::Quiet(Quiet::ProposeContext(_)) => specs::PROPOSE_CONTEXT,
        }
    }

    /// How much harm a call could do. High asks people; the others happen by themselves.
    pub(crate) const fn risk(&self) -> Risk {
        match self {
            // A proposal is given to nobody before a person accepts it.
            Self::Quiet(Quiet::ReadFile(_) | Quiet::ListFiles(_) | Quiet::ProposeContext(_)) => Risk::Low,
            Self::RunCommand(_)
            | Self::Quiet(
                Quiet::WriteFile(_)
                | Quiet::DeleteFile(_)
                | Quiet::OpenPreview(_)
                | Quiet::SaveArtifact(_)
                | Quiet::StopSandbox(_),
            ) => Risk::Medium,
            Self::Quiet(Quiet::StartSandbox(_) | Quiet::RequestHosts(_)) => Risk::High,
        }
    }
}

impl RunCommand {
    fn check(&self) -> Result<(), String> {
        text("command", &self.command, COMMAND_BYTES)?;
        if let Some(cwd) = &self.cwd {
            text("cwd", cwd, PATH_BYTES)?;
        }
        if self.timeout_s.is_some_and(|seconds| !TIMEOUT_S.contains(&seconds)) {
            return Err(format!("`timeout_s` must be {} to {}", TIMEOUT_S.start(), TIMEOUT_S.end()));
        }
        Ok(())
    }
}

impl Quiet {
    fn checked(mut self) -> Result<Self, String> {
        match &mut self {
            Self::StartSandbox(asked) => {
                reason(&asked.reason)?;
                hosts(&mut asked.hosts)?;
                match asked.template.as_deref() {
                    Some(name) if !templates::names().any(|known| known == name) => {
                        let known = templates::names().collect::<Vec<_>>().join("`, `");
                        return Err(format!("`template` must be one of `{known}`"));
                    }
                    Some(_) | None => {}
                }
            }
            Self::WriteFile(asked) => text("path", &asked.path, PATH_BYTES)?,
            Self::ReadFile(asked) | Self::DeleteFile(asked) | Self::SaveArtifact(asked) => {
                text("path", &asked.path, PATH_BYTES)?;
            }
            Self::ListFiles(asked) => {
                if !asked.path.is_empty() {
                    text("path", &asked.path, PATH_BYTES)?;
                }
            }
            Self::OpenPreview(asked) => {
                if asked.port == 0 {
                    return Err("`port` must be 1 to 65535".to_owned());
                }
            }
            Self::RequestHosts(asked) => {
                reason(&asked.reason)?;
                if asked.hosts.is_empty() {
                    return Err("`hosts` must name at least one host".to_owned());
                }
                hosts(&mut asked.hosts)?;
            }
            Self::StopSandbox(_) => {}
            Self::ProposeContext(asked) => {
                asked.title = form("title", context::title(&asked.title))?;
                asked.text = form("text", context::text(&asked.text))?;
                asked.tags = form("tags", context::tags(&asked.tags))?;
            }
        }
        Ok(self)
    }
}

fn read<T: DeserializeOwned>(call: &ToolCall) -> Result<T, String> {
    // Models that have nothing to say send null, or nothing.
    let nothing = call.arguments.is_null();
    let arguments = if nothing { serde_json::json!({}) } else { call.arguments.clone() };
    serde_json::from_value(arguments).map_err(|error| wrong(call, &error.to_string()))
}

fn wrong(call: &ToolCall, what: &str) -> String {
    let what = what.chars().take(300).collect::<String>();
    let usage = specs::usage(&call.name);
    format!("The arguments of {} do not fit: {what}. Right is: {usage}", call.name)
}

fn text(name: &str, text: &str, most: usize) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("`{name}` must not be empty"));
    }
    if text.len() > most {
        return Err(format!("`{name}` must have at most {most} bytes"));
    }
    if text.contains('\0') {
        return Err(format!("`{name}` must not hold the character NUL"));
    }
    Ok(())
}

fn reason(text: &str) -> Result<(), String> {
    let length = text.trim().chars().count();
    if (1..=REASON_CHARS).contains(&length) && !text.contains('\0') {
        Ok(())
    } else {
        Err(format!("`reason` must have 1 to {REASON_CHARS} characters"))
    }
}

/// A value in its one form, or what is wrong with it.
fn form<T>(name: &str, read: Result<T, Problem>) -> Result<T, String> {
    read.map_err(|problem| format!("`{name}`: {problem}"))
}

/// Brings hosts into their one form.
fn hosts(hosts: &mut Vec<String>) -> Result<(), String> {
    let patterns = egress::hosts(hosts).map_err(|problem| format!("`hosts`: {problem}"))?;
    *hosts = patterns.iter().map(ToString::to_string).collect();
    Ok(())
}

#[cfg(test)]
mod tests;
