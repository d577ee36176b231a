//! The caller: a verified token, and the way into the database that it opens.

use std::sync::Arc;

use api::{App, KeyTenant, Notes};
use chrono::{DateTime, Utc};
use db::{Answer, Args, Claim, Db, DbError, Effect, Entry, Once};
use futures::lock::Mutex;
use ids::TenantId;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::Claims;

/// Who calls, and for whom every statement of theirs runs. Made by the extractors, or from a row of ours.
pub struct Caller {
    app: Arc<App>,
    /// What the token says; none for an API key, whose tenant only the database knows.
    claims: Option<Claims>,
    entry: Entry,
    key: Option<Key>,
    db: Mutex<Option<Db>>,
}

/// What a request with an API key knew before it was done.
pub(crate) struct Key {
    pub(crate) digest: [u8; 32],
    pub(crate) tenant: Option<KeyTenant>,
    pub(crate) now: DateTime<Utc>,
    pub(crate) notes: Option<Notes>,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller")
            .field("user", &self.claims.as_ref().map(|claims| claims.sub))
            .field("tenant", &self.claims.as_ref().and_then(|claims| claims.tid))
            .finish_non_exhaustive()
    }
}

impl Caller {
    pub(crate) fn new(app: Arc<App>, claims: Option<Claims>, entry: Entry) -> Self {
        Self { app, claims, entry, key: None, db: Mutex::new(None) }
    }

    /// A program with an API key, whose tenant may be known from an earlier request.
    pub(crate) fn with_key(app: Arc<App>, entry: Entry, key: Key) -> Self {
        Self { key: Some(key), ..Self::new(app, None, entry) }
    }

    /// Nobody's token, but a row of ours says for whom: the account of a verified message, a payment that is due. `enter` is
    /// the SQL expression that enters by the row's id, `$1`.
    pub fn of_row(app: Arc<App>, enter: &'static str, id: Uuid) -> Self {
        Self::new(app, None, Entry::Row { enter, id })
    }

    /// What the caller's token says; none for an API key.
    pub fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    /// Gives the connection back, for work that takes longer than a statement; the next call opens one again.
    pub async fn without_connection(&self) {
        *self.db.lock().await = None;
    }

    /// Calls a function that only reads; `None` is SQL's NULL, by custom "there is no such thing".
    pub async fn read<T: DeserializeOwned>(
        &self,
        function: &'static str,
        args: &(impl Serialize + Sync),
    ) -> Result<Option<T>, DbError> {
        self.call(Effect::Reads, function, args).await
    }

    /// Calls a function that may change rows.
    pub async fn write<T: DeserializeOwned>(
        &self,
        function: &'static str,
        args: &(impl Serialize + Sync),
    ) -> Result<Option<T>, DbError> {
        self.call(Effect::Writes, function, args).await
    }

    /// Calls a function that may change rows, at most once for the claim.
    pub async fn write_once<T: DeserializeOwned>(
        &self,
        claim: Option<&Claim>,
        function: &'static str,
        args: &(impl Serialize + Sync),
    ) -> Result<Once<Option<T>>, DbError> {
        let mut db = self.db.lock().await;
        let outcome = self.opened(&mut db).await?.call_once(claim, &self.entry, function, args).await;
        self.settled(&mut db, outcome).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        effect: Effect,
        function: &'static str,
        args: &(impl Serialize + Sync),
    ) -> Result<Option<T>, DbError> {
        self.ask(effect, function, Args::new(args)).await?.read()
    }

    /// Compiled once for all types of answers.
    async fn ask(&self, effect: Effect, function: &'static str, args: Args) -> Result<Answer, DbError> {
        let mut db = self.db.lock().await;
        let outcome = self.opened(&mut db).await?.ask(effect, &self.entry, function, args).await;
        self.settled(&mut db, outcome).await
    }

    /// The request's connection, opened by the first call: never while a client is still sending its body.
    async fn opened<'db>(&self, db: &'db mut Option<Db>) -> Result<&'db Db, DbError> {
        match db {
            Some(db) => Ok(db),
            None => Ok(db.insert(self.app.open_database().await?)),
        }
    }

    /// A connection that failed in the middle is not used again; whose a key is, is remembered for the next request's count.
    async fn settled<T>(&self, db: &mut Option<Db>, outcome: Result<T, DbError>) -> Result<T, DbError> {
        if let Some(key) = &self.key {
            let opened = db.as_ref().and_then(Db::tenant_of_key).map(TenantId::from);
            self.learn(key, opened, outcome.as_ref().err()).await;
        }
        if let Err(DbError::Unavailable | DbError::Interrupted | DbError::OutcomeUnknown) = outcome {
            *db = None;
        }
        outcome
    }
    async fn learn(&self, key: &Key, opened: Option<TenantId>, error: Option<&DbError>) {
        match (opened, error) {
            (Some(tenant), _) => {
                if let Some(notes) = &key.notes {
                    notes.tenant(tenant);
                }
                if key.tenant.is_none_or(|known| known.is_aging(key.now)) {
                    self.app.keep_tenant_of_key(&key.digest, tenant, key.now).await;
                }
            }
            // Revoked or expired: whoever has it must not spend the tenant's requests.
            (None, Some(DbError::SessionRevoked | DbError::TenantGone)) if key.tenant.is_some() => {
                self.app.forget_key(&key.digest).await;
            }
            _ => {}
        }
    }
}
