//! What routes may refuse, for the API description: one list of statuses and codes for each thing that a route takes.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{Content, RefOr, Response, ResponseBuilder, schema::Ref},
};

macro_rules! refusals {
    ($($(#[doc = $doc:literal])* $name:ident { $($status:literal: $codes:literal,)+ })+) => {
        $(
            $(#[doc = $doc])*
            pub(super) struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    [$(($status, $codes)),+].into_iter().map(refusal).collect()
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
        "403": "`forbidden`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured`",
    }
    /// Every route that a caller changes something with; a later list may say more of a status.
    Writing {
        "400": "`malformed_id`, `malformed_json`, `unreadable_body`, `invalid_if_match`, `invalid_idempotency_key`",
        "401": "`unauthenticated`",
        "403": "`forbidden`",
        "409": "`conflict_in_flight`",
        "503": "`saturated`, `database_unavailable`, `outcome_unknown`, `misconfigured`",
    }
    /// Routes with a JSON body.
    JsonBody {
        "408": "`body_timed_out`",
        "413": "`body_too_large`",
        "415": "`unsupported_media_type`",
        "422": "`validation_failed`, `idempotency_key_reused`",
    }
    /// Routes of one lead.
    OneLead {
        "404": "`lead_not_found`, `tenant_not_found`",
    }
    /// Routes of the tenant's leads.
    AllLeads {
        "404": "`tenant_not_found`",
    }
    /// Routes that take `If-Match`.
    Versioned {
        "412": "`version_mismatch`",
    }
    /// Moving a lead.
    Moving {
        "409": "`lead_move_not_allowed`, `conflict_in_flight`",
    }
}

fn refusal((status, codes): (&str, &str)) -> (String, RefOr<Response>) {
    let content = Content::new(Some(Ref::from_schema_name("ProblemBody")));
    let response = ResponseBuilder::new().description(codes).content("application/problem+json", content);
    (status.to_owned(), RefOr::T(response.build()))
}
