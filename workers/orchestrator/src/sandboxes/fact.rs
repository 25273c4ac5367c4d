//! What happens to a sandbox, as an executor's answer says it.

use slipway_contract::objects::executor::{ExecutorCode, SandboxReport};
use slipway_domain::sandbox::{Happened, Sighting, StartFailure};
use slipway_store::audit;

use crate::executor::ExecutorError;

/// Something that happened, and what is written with it.
pub(crate) struct Fact<'f> {
    pub(super) happened: Happened,
    pub(super) entry: Option<&'f audit::Entry>,
    /// Bytes that the run has sent outside, as the executor counts them.
    pub(super) egress: Option<u64>,
    /// It runs, under this epoch, and nothing was put into its workspace there.
    pub(super) blank: Option<u64>,
}

impl From<Happened> for Fact<'_> {
    fn from(happened: Happened) -> Self {
        Self { happened, entry: None, egress: None, blank: None }
    }
}

impl<'f> Fact<'f> {
    /// The executor told how it stands.
    pub(crate) fn seen(report: &SandboxReport) -> Self {
        let happened = Happened::Seen(Sighting::from(report));
        let blank = (report.running && report.blank).then_some(report.epoch);
        Self { happened, entry: None, egress: Some(report.egress_bytes), blank }
    }

    /// What an executor's answer says.
    pub(crate) fn answered(answer: &Result<SandboxReport, ExecutorError>) -> Self {
        match answer {
            Ok(report) => Self::seen(report),
            Err(error) if error.code() == Some(ExecutorCode::NotFound) => Happened::Missing.into(),
            Err(_) => Happened::Unreachable.into(),
        }
    }

    /// The same, recorded in the audit log.
    pub(crate) const fn recorded(mut self, entry: &'f audit::Entry) -> Self {
        self.entry = Some(entry);
        self
    }
}

/// What becomes of a start that an executor did not make.
pub(super) fn failed(error: Option<ExecutorError>) -> Happened {
    let Some(ExecutorError::Refused { code, detail }) = error else { return Happened::Unreachable };
    let (why, detail) = match code {
        ExecutorCode::NoPlace => (StartFailure::NoPlace, detail),
        ExecutorCode::Failed
        | ExecutorCode::EpochOver
        | ExecutorCode::NotFound
        | ExecutorCode::NotRunning => (StartFailure::Broke, detail),
        ExecutorCode::Unauthenticated => {
            (StartFailure::Refused, "the executor does not know our key".to_owned())
        }
        ExecutorCode::Invalid
        | ExecutorCode::TooLarge
        | ExecutorCode::OutsideWorkspace
        | ExecutorCode::DiskFull
        | ExecutorCode::Unsupported
        | ExecutorCode::PortClosed
        | ExecutorCode::PortSilent
        | ExecutorCode::RateLimited => (StartFailure::Refused, detail),
    };
    Happened::StartFailed { why, detail }
}
