//! `X-Org-Id`: a caller says in which org they work, so that a link or a stale page of another org is noticed.
//!
//! Invariant: the header opens nothing. Membership is checked against the org that counts, whatever the header says.

use http::request::Parts;
use slipway_contract::{OrgId, Problem, ProblemCode};
use slipway_edge::log::Line;

use crate::errand::Errand;
use crate::settings::{Enforcement, Settings};

const NAME: &str = "x-org-id";

/// The org that the caller names; `None` only where that is still allowed.
///
/// # Errors
/// `org_context_required` when it is missing and must not be; `invalid_parameter` when it is no org's id.
pub(crate) fn named(errand: &Errand, parts: &Parts) -> Result<Option<OrgId>, Problem> {
    let text = parts.headers.get(NAME).map(|value| value.to_str().unwrap_or_default());
    match decide(text, Settings::of(errand.env())?.enforcement)? {
        Some(org) => Ok(Some(org)),
        None => {
            errand.line(Line::warn("org_context_header_fallback")).emit();
            Ok(None)
        }
    }
}

/// The org that counts for a path that names one.
///
/// # Errors
/// As [`named`], and `org_context_mismatch` when header and path differ.
pub(crate) fn agreed(errand: &Errand, parts: &Parts, path: OrgId) -> Result<OrgId, Problem> {
    errand.is_in(path);
    match named(errand, parts)? {
        Some(org) if org != path => Err(ProblemCode::OrgContextMismatch.into()),
        Some(_) | None => Ok(path),
    }
}

fn decide(header: Option<&str>, enforcement: Enforcement) -> Result<Option<OrgId>, Problem> {
    match (header, enforcement) {
        (Some(text), _) => text.parse().map(Some).map_err(|_| {
            Problem::new(ProblemCode::InvalidParameter).detail("X-Org-Id must be the id of an org")
        }),
        (None, Enforcement::Strict) => Err(ProblemCode::OrgContextRequired.into()),
        (None, Enforcement::Warn) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_header_is_refused_once_the_rule_is_strict() {
        assert_eq!(decide(None, Enforcement::Warn), Ok(None));
        assert_eq!(
            decide(None, Enforcement::Strict).map_err(|problem| problem.code),
            Err(ProblemCode::OrgContextRequired)
        );
        let org = OrgId::fresh(1_800_000_000_000, [1; 10]);
        for enforcement in [Enforcement::Warn, Enforcement::Strict] {
            assert_eq!(decide(Some(&org.to_string()), enforcement), Ok(Some(org)));
            assert_eq!(
                decide(Some("org_1"), enforcement).map_err(|problem| problem.code),
                Err(ProblemCode::InvalidParameter)
            );
        }
    }
}
