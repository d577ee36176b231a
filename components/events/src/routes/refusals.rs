//! What the routes of the dispatcher may refuse, for the API description.

api::refusals! {
    /// Delivering what is due.
    Dispatching {
        "404": "`route_not_found`: the service token is missing or wrong",
        "409": "`conflict_in_flight`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `request_timed_out`, `misconfigured`",
    }
    /// Looking at events.
    Listing {
        "400": "`invalid_parameter`, `unknown_parameter`",
        "404": "`route_not_found`: the service token is missing or wrong",
        "409": "`conflict_in_flight`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured`",
    }
    /// Taking up an event again.
    Replaying {
        "400": "`malformed_id`",
        "404": "`event_not_found`; `route_not_found`: the service token is missing or wrong",
        "409": "`event_not_dead`, `conflict_in_flight`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
}
