//! Every way the CRM says no.
//!
//! What must stay true: each variant is one kind of problem with a code of its own, listed in `docs/errors.md`;
//! another tenant's lead is no lead.

use api::Problem;
use axum::response::{IntoResponse, Response};
use db::DbError;
use http::StatusCode;

use crate::domain::status::Status;

/// A refusal of the CRM; what all components share is a [`Problem`] already.
#[derive(Debug)]
pub(crate) enum CrmError {
    /// The tenant has no such lead.
    LeadNotFound,
    /// The lead cannot move there from where it is.
    LeadMoveNotAllowed {
        /// Where the lead is.
        from: Status,
        /// Where it was to go.
        to: Status,
    },
    /// The lead changed since the version that `If-Match` names.
    LeadStale,
    /// The lead changed each time between reading and writing it.
    LeadContended,
    /// What every component may answer.
    Shared(Problem),
}

/// The codes that only the CRM gives.
pub const CODES: [&str; 2] = ["lead_not_found", "lead_move_not_allowed"];

impl From<DbError> for CrmError {
    fn from(error: DbError) -> Self {
        Self::Shared(error.into())
    }
}

impl From<Problem> for CrmError {
    fn from(problem: Problem) -> Self {
        Self::Shared(problem)
    }
}

impl From<CrmError> for Problem {
    fn from(error: CrmError) -> Self {
        match error {
            CrmError::LeadNotFound => Self::new(
                StatusCode::NOT_FOUND,
                "lead_not_found",
                "There is no such lead",
                "The tenant has no lead with this id, or it was deleted.",
            ),
            CrmError::LeadMoveNotAllowed { from, to } => Self::new(
                StatusCode::CONFLICT,
                "lead_move_not_allowed",
                "The lead cannot move there",
                move_refusal(from, to),
            ),
            CrmError::LeadStale => Self::version_mismatch(),
            CrmError::LeadContended => Self::conflict_in_flight(),
            CrmError::Shared(problem) => problem,
        }
    }
}

fn move_refusal(from: Status, to: Status) -> String {
    let allowed: Vec<_> = from.moves().iter().map(|status| status.as_str()).collect();
    let allowed = match allowed.split_last() {
        None => format!("nothing follows {from}"),
        Some((only, [])) => format!("from {from} it can move to {only}"),
        Some((last, others)) => format!("from {from} it can move to {} or {last}", others.join(", ")),
    };
    if from == to {
        format!("The lead is {from} already; {allowed}.")
    } else {
        format!("The lead is {from} and cannot move to {to}; {allowed}.")
    }
}

impl IntoResponse for CrmError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: CrmError, status: u16, code: &str) {
        let problem = Problem::from(error);
        assert_eq!((problem.status().as_u16(), problem.code()), (status, code));
    }

    #[test]
    fn each_refusal_has_its_status_and_code() {
        let [not_found, move_not_allowed] = CODES;
        check(CrmError::LeadNotFound, 404, not_found);
        check(CrmError::LeadMoveNotAllowed { from: Status::Won, to: Status::New }, 409, move_not_allowed);
        check(CrmError::LeadStale, 412, "version_mismatch");
        check(CrmError::LeadContended, 409, "conflict_in_flight");
        check(Problem::saturated().into(), 503, "saturated");
    }

    #[test]
    fn a_refused_move_says_what_is_possible() {
        for (from, to, detail) in [
            (
                Status::New,
                Status::Won,
                "The lead is NEW and cannot move to WON; from NEW it can move to CONTACTED, QUALIFIED or LOST.",
            ),
            (Status::Lost, Status::Lost, "The lead is LOST already; from LOST it can move to CONTACTED."),
            (Status::Won, Status::New, "The lead is WON and cannot move to NEW; nothing follows WON."),
        ] {
            assert_eq!(move_refusal(from, to), detail);
        }
    }
}
