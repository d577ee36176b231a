//! Whose an API key is, as far as limits are concerned: learnt from the statement that entered with it.
//!
//! Only the database knows a key's tenant, and limits are counted before the database is asked. So it is kept, by the key's
//! digest, in the instance and for an hour in the store, and forgotten when the key is refused. What must stay true: nothing
//! but the count of requests hangs on it; a key that never opened anything is never here, so nobody can spend a tenant's
//! requests with made-up keys.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ids::TenantId;

use crate::{App, rate_limit::short_hex};

/// An instance serves 128 requests by default: more keys than that it never sees.
const KEYS_MAX: usize = 128;
/// A key that is refused within that time is forgotten at once, by whoever hears of it.
const STORED_SECONDS: u32 = 3600;

/// Tenants by SHA-256 of their keys.
#[derive(Default)]
pub(crate) struct KeyTenants(Mutex<HashMap<[u8; 32], TenantId>>);

impl std::fmt::Debug for KeyTenants {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyTenants").finish_non_exhaustive()
    }
}

impl KeyTenants {
    fn kept(&self) -> MutexGuard<'_, HashMap<[u8; 32], TenantId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, digest: [u8; 32], tenant: TenantId) {
        let mut kept = self.kept();
        if kept.len() >= KEYS_MAX {
            kept.clear();
        }
        kept.insert(digest, tenant);
    }
}

impl App {
    /// The tenant of a key that opened something lately.
    pub async fn tenant_of_key(&self, digest: &[u8; 32]) -> Option<TenantId> {
        let kept = self.key_tenants.kept().get(digest).copied();
        if kept.is_some() {
            return kept;
        }
        let stored = self.store.text(&name(digest)).await.ok()??;
        let tenant = stored.parse().ok()?;
        self.key_tenants.keep(*digest, tenant);
        Some(tenant)
    }

    /// Keeps the tenant that a key opened.
    pub async fn keep_tenant_of_key(&self, digest: &[u8; 32], tenant: TenantId) {
        self.key_tenants.keep(*digest, tenant);
        let _ = self.store.keep_text(&name(digest), &tenant.to_string(), STORED_SECONDS).await;
    }

    /// Forgets a key that was refused.
    pub async fn forget_key(&self, digest: &[u8; 32]) {
        self.key_tenants.kept().remove(digest);
        let _ = self.store.delete(&name(digest)).await;
    }
}

fn name(digest: &[u8; 32]) -> String {
    format!("bizo:key-tenant:{}", short_hex(digest))
}
