//! Tokens whose signature this instance has verified already.
//!
//! A signature costs an instance about 100 microseconds, a look-up 5, and the requests of one page come with one token.
//! Kept is a token's SHA-256 with its claims, never the token. What must stay true: only a whole token that was
//! verified is found again (any other byte is another digest), whether its time has come or gone is asked each time, and
//! whether its session still lives is the database's to say (`app.enter`).

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::Claims;

/// An instance serves 128 requests by default: more tokens than that it never sees.
const TOKENS_MAX: usize = 128;

/// The digest of a token.
pub(crate) type TokenDigest = [u8; 32];

/// Claims by the digest of the token that carried them. `Debug` shows none.
#[derive(Default)]
pub(crate) struct VerifiedTokens(Mutex<HashMap<TokenDigest, Claims>>);

impl std::fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedTokens").finish_non_exhaustive()
    }
}

pub(crate) fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token).into()
}

impl VerifiedTokens {
    /// The claims of a token that was verified before, whatever the time.
    pub(crate) fn find(&self, digest: &TokenDigest) -> Option<Claims> {
        self.kept().get(digest).cloned()
    }

    /// Keeps a verified token. Where there is no room, what has expired goes, and then everything.
    pub(crate) fn keep(&self, digest: TokenDigest, claims: &Claims, now: DateTime<Utc>) {
        let mut kept = self.kept();
        if kept.len() >= TOKENS_MAX {
            kept.retain(|_, claims| claims.exp > now.timestamp());
        }
        if kept.len() >= TOKENS_MAX {
            kept.clear();
        }
        kept.insert(digest, claims.clone());
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<TokenDigest, Claims>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.kept().len()
    }
}
