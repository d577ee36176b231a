//! What the routes of leads may refuse beyond what all routes do, for the API description.

pub(crate) use api::refusals::{JsonBody, Reading, Writing};

api::refusals! {
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
