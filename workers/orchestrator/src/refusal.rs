//! What callers are told when an executor does not do what it is asked. The one place where its codes become ours.

use slipway_contract::objects::executor::ExecutorCode;
use slipway_contract::{Problem, ProblemCode};

use crate::executor::ExecutorError;
use crate::sandboxes::words;

impl From<ExecutorError> for Problem {
    fn from(error: ExecutorError) -> Self {
        let ExecutorError::Refused { code, detail } = error else {
            return Self::new(ProblemCode::Unavailable).detail(words::UNREACHABLE).retry_after(2);
        };
        match code {
            ExecutorCode::Unauthenticated => {
                Self::new(ProblemCode::Unavailable).detail("The executor does not know our key.")
            }
            ExecutorCode::NotFound => Self::new(ProblemCode::NotFound).detail(detail),
            ExecutorCode::NotRunning => Self::new(ProblemCode::SandboxNotRunning).detail(detail),
            ExecutorCode::EpochOver => Self::new(ProblemCode::AccessRevoked).detail(detail),
            ExecutorCode::Invalid => Self::new(ProblemCode::InvalidParameter).detail(detail),
            ExecutorCode::TooLarge => Self::new(ProblemCode::TooLarge).detail(detail),
            ExecutorCode::OutsideWorkspace => Self::new(ProblemCode::OutsideWorkspace).detail(detail),
            ExecutorCode::DiskFull => Self::new(ProblemCode::DiskFull).detail(detail),
            ExecutorCode::NoPlace => Self::new(ProblemCode::Unavailable).detail(detail).retry_after(5),
            ExecutorCode::PortClosed | ExecutorCode::PortSilent => {
                Self::new(ProblemCode::PortClosed).detail(detail)
            }
            ExecutorCode::Unsupported => Self::new(ProblemCode::NotBuilt).detail(detail),
            ExecutorCode::RateLimited => Self::new(ProblemCode::RateLimited).detail(detail).retry_after(10),
            ExecutorCode::Failed => Self::new(ProblemCode::Unavailable).detail(detail).retry_after(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn every_refusal_of_an_executor_has_its_code() {
        let codes = [
            ExecutorCode::Unauthenticated,
            ExecutorCode::NotFound,
            ExecutorCode::NotRunning,
            ExecutorCode::EpochOver,
            ExecutorCode::Invalid,
            ExecutorCode::TooLarge,
            ExecutorCode::OutsideWorkspace,
            ExecutorCode::DiskFull,
            ExecutorCode::NoPlace,
            ExecutorCode::Unsupported,
            ExecutorCode::PortClosed,
            ExecutorCode::PortSilent,
            ExecutorCode::RateLimited,
            ExecutorCode::Failed,
        ];
        let mut told = vec![Problem::from(ExecutorError::Unavailable { cause: "no connection" })];
        told.extend(codes.map(|code| Problem::from(ExecutorError::Refused { code, detail: "d".to_owned() })));
        let told: Vec<String> = told
            .iter()
            .map(|problem| {
                let retry =
                    problem.retry_after_s.map_or(String::new(), |seconds| format!(" (again in {seconds} s)"));
                format!("{} {:?}{retry}: {problem}", problem.status, problem.code)
            })
            .collect();
        expect![[r#"
            503 Unavailable (again in 2 s): The executor cannot be reached.
            503 Unavailable: The executor does not know our key.
            404 NotFound: d
            409 SandboxNotRunning: d
            403 AccessRevoked: d
            400 InvalidParameter: d
            413 TooLarge: d
            422 OutsideWorkspace: d
            507 DiskFull: d
            503 Unavailable (again in 5 s): d
            501 NotBuilt: d
            502 PortClosed: d
            502 PortClosed: d
            429 RateLimited (again in 10 s): d
            503 Unavailable (again in 2 s): d"#]]
        .assert_eq(&told.join("\n"));
    }
}
