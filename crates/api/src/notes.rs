//! What a request notes on its way for those who finish its answer: the tenant for the log, its standing for the headers.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use http::request::Parts;
use ids::TenantId;

use crate::rate_limit::Standing;

/// The notes of one request; the middleware keeps them beside it. Each is written once: the first word stands.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    tenant: OnceLock<TenantId>,
    standing: OnceLock<Standing>,
    request_id: OnceLock<String>,
    is_unremarkable: AtomicBool,
}

impl Notes {
    /// The notes of a request that [`crate::Instance`] serves.
    pub fn of(parts: &Parts) -> Option<&Self> {
        parts.extensions.get()
    }

    /// Names the tenant that the verified token names.
    pub fn tenant(&self, tenant: TenantId) {
        let _ = self.0.tenant.set(tenant);
    }

    /// Says that the log needs no line of this request, if it succeeds: a timer asked, and there was nothing to do.
    pub fn unremarkable(&self) {
        self.0.is_unremarkable.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_unremarkable(&self) -> bool {
        self.0.is_unremarkable.load(Ordering::Relaxed)
    }

    /// Names the request.
    pub(crate) fn request_id(&self, request_id: &str) {
        let _ = self.0.request_id.set(request_id.to_owned());
    }

    /// Keeps what is left of the limits.
    pub(crate) fn standing(&self, standing: Standing) {
        let _ = self.0.standing.set(standing);
    }

    pub(crate) fn noted_request_id(&self) -> Option<String> {
        self.0.request_id.get().cloned()
    }

    pub(crate) fn noted_tenant(&self) -> Option<TenantId> {
        self.0.tenant.get().copied()
    }

    pub(crate) fn noted_standing(&self) -> Option<&Standing> {
        self.0.standing.get()
    }
}
