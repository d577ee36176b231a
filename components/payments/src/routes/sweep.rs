//! The sweep: asks gateways again about what is not certain, when it is due. A timer calls it; several at once share the work.
//!
//! What must stay true: payments are claimed, and that is committed, before a gateway is asked; what a sweep that dies leaves
//! behind is due again after ten minutes.

use std::{sync::Arc, time::Duration};

use api::{App, Clock, InternalCaller, Notes, Problem, SettingError};
use axum::{Extension, Json, Router, extract::State, routing::post};
use futures::{StreamExt, stream};
use identity::Caller;
use ids::PaymentId;
use send_wrapper::SendWrapper;
use serde::Serialize;

use super::{configured, refusals::Sweeping};
use crate::{
    PaymentsState,
    settings::Gateways,
    settlement::Source,
    store::{self, work::ENTER_PAYMENT},
    work::Work,
};

/// How many payments one sweep takes, and how many of them are under way at once.
const BATCH: u32 = 16;
const AT_ONCE: usize = 8;
/// A gateway may take so long for one of them: two rounds stay within a request.
const LIMIT: Duration = Duration::from_secs(10);
const LEASE_SECONDS: u32 = 60;

pub(crate) fn router() -> Router<PaymentsState> {
    // No method tells that there is something here.
    Router::new().route("/internal/payments/sweep", post(sweep_payments).fallback(async || Problem::route_not_found()))
}

/// What became of what was due.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(as = SweptPayments, example = json!({ "claimed": 5, "looked_at": 4, "failed": 1 }))]
pub(crate) struct Swept {
    /// How many were taken; as many as 16 say that there may be more.
    claimed: u32,
    /// Asked about.
    looked_at: u32,
    /// Could not be asked about; they are due again in ten minutes.
    failed: u32,
}

/// Asks about up to 16 payments that are due for a look.
#[utoipa::path(post, path = "/internal/payments/sweep", operation_id = "sweep_payments", tag = "services",
    security(("service" = [])),
    responses((status = 200, description = "What became of them", body = Swept), Sweeping))]
pub(crate) async fn sweep_payments(
    _scheduler: InternalCaller,
    State(app): State<Arc<App>>,
    State(gateways): State<Arc<Result<Gateways, SettingError>>>,
    clock: Clock,
    notes: Option<Extension<Notes>>,
) -> Result<Json<Swept>, Problem> {
    let gateways = configured(&gateways)?;
    let due = {
        let db = app.open_database().await?;
        store::work::claim_due(&db, BATCH, LEASE_SECONDS, clock.now()).await?
    };
    if let (Some(notes), []) = (&notes, &due[..]) {
        // A line a second that says nothing would hide those that do.
        notes.unremarkable();
    }
    let mut swept = Swept { claimed: due.len() as u32, ..Swept::default() };
    let app = &app;
    // The host's futures are not Send; one thread is all that an instance has.
    let looks = SendWrapper::new(async move {
        let looks = stream::iter(due).map(|id| async move {
            let caller = Caller::of_row(app.clone(), ENTER_PAYMENT, id);
            let work = Work { gateways, caller: &caller, source: Source::Sweep, limit: LIMIT };
            work.sync(PaymentId::from(id)).await.is_ok()
        });
        looks.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await
    })
    .await;
    for was_asked in looks {
        *if was_asked { &mut swept.looked_at } else { &mut swept.failed } += 1;
    }
    Ok(Json(swept))
}
