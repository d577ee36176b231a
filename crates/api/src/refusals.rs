//! What routes may refuse, for the API description: one list of statuses and codes for each thing that a route takes.
//! A component adds lists of its own with [`refusals!`](crate::refusals!); of two lists the later one's word on a status
//! stands.

use utoipa::openapi::{Content, RefOr, Response, ResponseBuilder, schema::Ref};

/// Makes lists of refusals: `/// When. Name { "409": "`a_code`, `another`", }`.
#[macro_export]
macro_rules! refusals {
    ($($(#[doc = $doc:literal])* $name:ident { $($status:literal: $codes:literal,)+ })+) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug)]
            pub struct $name;

            impl utoipa::IntoResponses for $name {
                fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
                    [$(($status, $codes)),+].into_iter().map($crate::refusals::refusal).collect()
                }
            }
        )+
    };
}

refusals! {
    /// Every route that a caller reads with.
    Reading {
        "400": "`invalid_parameter`, `unknown_parameter`, `malformed_id`",
        "401": "`unauthenticated`",
        "403": "`forbidden`, `mfa_required`",
        "409": "`conflict_in_flight`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured`",
    }
    /// Every route that a caller changes something with; a later list may say more of a status.
    Writing {
        "400": "`malformed_id`, `malformed_json`, `unreadable_body`, `invalid_if_match`, `invalid_idempotency_key`",
        "401": "`unauthenticated`",
        "403": "`forbidden`, `mfa_required`",
        "409": "`conflict_in_flight`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Routes with a JSON body.
    JsonBody {
        "408": "`body_timed_out`",
        "413": "`body_too_large`",
        "415": "`unsupported_media_type`",
        "422": "`validation_failed`, `idempotency_key_reused`",
    }
    /// Routes that read the caller's own things, without parameters.
    Oneself {
        "401": "`unauthenticated`",
        "403": "`forbidden`, `mfa_required`",
        "404": "`tenant_not_found`",
        "409": "`conflict_in_flight`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured`",
    }
}

/// One status with its codes: `(status, codes)`.
#[doc(hidden)]
pub fn refusal((status, codes): (&str, &str)) -> (String, RefOr<Response>) {
    let content = Content::new(Some(Ref::from_schema_name("ProblemBody")));
    let response = ResponseBuilder::new().description(codes).content("application/problem+json", content);
    (status.to_owned(), RefOr::T(response.build()))
}
