//! Whose an API key is, as far as limits are concerned: learnt from the statement that entered with it.
//!
//! Only the database knows a key's tenant, and limits are counted before the database is asked. So it is kept, by the key's
//! digest, in the instance and in the store, for a minute from the last time that the key opened something; a key in use is
//! always known. What must stay true: nothing but the count of requests hangs on it; a key that never opened anything is never
//! here, so nobody can spend a tenant's requests with made-up keys, and nobody for longer than a minute with a dead one.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use ids::TenantId;

use crate::{App, rate_limit::short_hex};

/// An instance serves 128 requests by default: more keys than that it never sees.
const KEYS_MAX: usize = 128;
/// How long a key is known after it opened something.
const KNOWN_SECONDS: u32 = 60;
/// A key in use is kept anew when so much of that has passed.
const RENEWED_AFTER: TimeDelta = TimeDelta::seconds(30);

/// Tenants by SHA-256 of their keys, and since when they are kept.
#[derive(Default)]
pub(crate) struct KeyTenants(Mutex<HashMap<[u8; 32], KeyTenant>>);

/// A key's tenant, as an earlier request learnt it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTenant {
    /// Whose the key is.
    pub tenant: TenantId,
    kept_at: DateTime<Utc>,
}

impl KeyTenant {
    /// Whether a success now is a reason to keep it anew.
    pub fn is_aging(&self, now: DateTime<Utc>) -> bool {
        now - self.kept_at >= RENEWED_AFTER
    }
}

impl std::fmt::Debug for KeyTenants {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyTenants").finish_non_exhaustive()
    }
}

impl KeyTenants {
    fn kept(&self) -> MutexGuard<'_, HashMap<[u8; 32], KeyTenant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, digest: &[u8; 32], now: DateTime<Utc>) -> Option<KeyTenant> {
        let known = TimeDelta::seconds(KNOWN_SECONDS.into());
        self.kept().get(digest).copied().filter(|found| now - found.kept_at < known)
    }

    fn keep(&self, digest: [u8; 32], found: KeyTenant) {
        let mut kept = self.kept();
        if kept.len() >= KEYS_MAX {
            kept.clear();
        }
        kept.insert(digest, found);
    }
}

impl App {
    /// The tenant of a key that opened something lately.
    pub async fn tenant_of_key(&self, digest: &[u8; 32], now: DateTime<Utc>) -> Option<KeyTenant> {
        let kept = self.key_tenants.find(digest, now);
        if kept.is_some() {
            return kept;
        }
        let stored = self.store.text(&name(digest)).await.ok()??;
        // How old it is, the store does not say: old enough to be kept anew.
        let found = KeyTenant { tenant: stored.parse().ok()?, kept_at: now - RENEWED_AFTER };
        self.key_tenants.keep(*digest, found);
        Some(found)
    }

    /// Keeps the tenant that a key opened.
    pub async fn keep_tenant_of_key(&self, digest: &[u8; 32], tenant: TenantId, now: DateTime<Utc>) {
        self.key_tenants.keep(*digest, KeyTenant { tenant, kept_at: now });
        let _ = self.store.keep_text(&name(digest), &tenant.to_string(), KNOWN_SECONDS).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_for_a_minute_from_its_last_success() {
        let at = |seconds: i64| DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap();
        let (keys, digest) = (KeyTenants::default(), [7; 32]);
        let found = KeyTenant { tenant: "ten_01h455vb4pex5vsknk084sn02q".parse().unwrap(), kept_at: at(0) };
        assert_eq!(keys.find(&digest, at(0)), None);
        keys.keep(digest, found);
        assert_eq!((keys.find(&digest, at(59)), keys.find(&digest, at(60))), (Some(found), None));
        assert!(!found.is_aging(at(29)) && found.is_aging(at(30)));
    }

    #[test]
    fn an_instance_keeps_no_more_keys_than_it_can_see() {
        let keys = KeyTenants::default();
        let found =
            KeyTenant { tenant: "ten_01h455vb4pex5vsknk084sn02q".parse().unwrap(), kept_at: DateTime::UNIX_EPOCH };
        for nth in 0..=255 {
            keys.keep([nth; 32], found);
        }
        assert!(keys.kept().len() <= KEYS_MAX);
    }
}
