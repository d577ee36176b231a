//! Rate limits: how many requests a minute a user, a tenant and an unknown address have.
//!
//! A caller with a valid token counts against their user and their tenant, both in one step; everybody else against
//! their address. One EVAL of `rate_limit.lua` on the instance's connection decides and counts. What must stay true: a
//! request over a limit does nothing and costs no database connection; what is refused is not counted, so waiting
//! helps; with the store away nobody is refused, because these limits share out capacity and guard no secret (failed
//! log-ins are throttled apart, and from Postgres then).
//!
//! The answer carries `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10; ADR 0007).

use std::{fmt::Write, sync::Arc};

use axum::extract::{FromRef, FromRequestParts};
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, StatusCode, request::Parts};
use ids::{TenantId, UserId};

use crate::{App, ClientAddress, Clock, Notes, Problem, SettingError, Settings, Store};

/// Decides and counts; its head says what it takes and answers.
const SCRIPT: &str = include_str!("rate_limit.lua");
/// What the limits are per.
const WINDOW_MS: i64 = 60_000;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");

/// Requests a minute; the same for all tenants, as long as there are no plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    user: u32,
    tenant: u32,
    address: u32,
}

impl Limits {
    /// Reads the settings; the default stands where one is empty.
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingError> {
        Ok(Self {
            user: limit(settings, "rate_limit_user", 300)?,
            tenant: limit(settings, "rate_limit_tenant", 1200)?,
            address: limit(settings, "rate_limit_address", 60)?,
        })
    }
}

fn limit(settings: &Settings, name: &'static str, default: u32) -> Result<u32, SettingError> {
    match settings.text(name) {
        "" => Ok(default),
        _ => match settings.number(name)? {
            0 => Err(SettingError { name, problem: "must be at least 1" }),
            limit => Ok(limit),
        },
    }
}

/// Who is counted: a name for the client to read, a key for the store, and what they have.
struct Subject {
    name: &'static str,
    key: String,
    limit: u32,
}

/// What the script said.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    /// How long to wait; 0 lets through.
    wait_ms: u64,
    /// For each subject: requests left, and milliseconds until there are more.
    standings: Vec<(u64, u64)>,
}

/// The headers of an answer that was counted.
#[derive(Debug)]
pub(crate) struct Standing {
    policy: String,
    standing: String,
}

impl Standing {
    /// Both headers.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        [(POLICY, &self.policy), (STANDING, &self.standing)]
            .into_iter()
            .filter_map(|(name, text)| Some((name, HeaderValue::from_str(text).ok()?)))
    }
}

/// Somebody without a token, counted against the address that they come from.
#[derive(Debug, Clone)]
pub struct Visitor(pub ClientAddress);

impl<S: Sync> FromRequestParts<S> for Visitor
where
    Arc<App>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        count_visitor(&Arc::<App>::from_ref(state), parts).await
    }
}

/// Counts a request of somebody without a token, or refuses it.
pub async fn count_visitor(app: &App, parts: &mut Parts) -> Result<Visitor, Problem> {
    let address = ClientAddress::of(parts, app);
    let Ok(clock) = Clock::from_request_parts(parts, &()).await;
    let subject = Subject {
        name: "address",
        key: format!("bizo:rate:address:{}", address.limit_key()),
        limit: limits(app)?.address,
    };
    count(&app.store, Notes::of(parts), clock.now(), &[subject]).await?;
    Ok(Visitor(address))
}

/// Counts a request of a person in a tenant (or in none), or refuses it.
pub async fn count_member(
    app: &App,
    notes: Option<&Notes>,
    user: UserId,
    tenant: Option<TenantId>,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let limits = limits(app)?;
    let of_user = |key| Subject { name: "user", key, limit: limits.user };
    match tenant {
        // The braces keep both keys in one slot of a cluster.
        Some(tenant) => {
            let of_tenant = Subject { name: "tenant", key: format!("bizo:rate:{{{tenant}}}"), limit: limits.tenant };
            count(&app.store, notes, now, &[of_user(format!("bizo:rate:{{{tenant}}}:{user}")), of_tenant]).await
        }
        None => count(&app.store, notes, now, &[of_user(format!("bizo:rate:{{{user}}}"))]).await,
    }
}

/// Counts a request with an API key, or refuses it. Whose key it is only the database knows, and whether it is one at
/// all: so that made-up keys cost nobody much, all keys of one address share what a tenant has.
pub async fn count_key(
    app: &App,
    notes: Option<&Notes>,
    key_digest: &[u8; 32],
    address: &ClientAddress,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let limits = limits(app)?;
    let name = key_digest.iter().take(16).fold(String::new(), |mut name, byte| {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
        name
    });
    let address = address.limit_key();
    let of_key = Subject { name: "key", key: format!("bizo:rate:{{key:{address}}}:{name}"), limit: limits.user };
    let of_address = Subject { name: "address", key: format!("bizo:rate:{{key:{address}}}"), limit: limits.tenant };
    count(&app.store, notes, now, &[of_key, of_address]).await
}

fn limits(app: &App) -> Result<Limits, Problem> {
    app.limits.clone().map_err(Problem::from)
}

async fn count(store: &Store, notes: Option<&Notes>, now: DateTime<Utc>, subjects: &[Subject]) -> Result<(), Problem> {
    let keys: Vec<&str> = subjects.iter().map(|subject| subject.key.as_str()).collect();
    let mut args = vec![now.timestamp_millis(), WINDOW_MS];
    args.extend(subjects.iter().map(|subject| i64::from(subject.limit)));
    // The store being away, or answering something else than the script does, refuses nobody.
    let Some(verdict) = store.eval(SCRIPT, &keys, &args).await.ok().and_then(|reply| verdict(&reply)) else {
        return Ok(());
    };
    if let Some(notes) = notes {
        notes.standing(standing(subjects, &verdict));
    }
    if verdict.wait_ms == 0 { Ok(()) } else { Err(refusal(subjects, &verdict)) }
}

fn verdict(reply: &[i64]) -> Option<Verdict> {
    let mut numbers = reply.iter().map(|&number| u64::try_from(number).ok());
    let wait_ms = numbers.next()??;
    let mut standings = Vec::with_capacity(2);
    while let Some(remaining) = numbers.next() {
        standings.push((remaining?, numbers.next()??));
    }
    Some(Verdict { wait_ms, standings })
}

fn standing(subjects: &[Subject], verdict: &Verdict) -> Standing {
    let (mut policy, mut standing) = (String::new(), String::new());
    for (Subject { name, limit, .. }, (remaining, reset_ms)) in subjects.iter().zip(&verdict.standings) {
        let comma = if policy.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(policy, r#"{comma}"{name}";q={limit};w={}"#, WINDOW_MS / 1000);
        let _ = write!(standing, r#"{comma}"{name}";r={remaining};t={}"#, reset_ms.div_ceil(1000));
    }
    Standing { policy, standing }
}

fn refusal(subjects: &[Subject], verdict: &Verdict) -> Problem {
    let spent = subjects.iter().zip(&verdict.standings).find(|(_, (remaining, _))| *remaining == 0);
    let (name, limit) = spent.map_or(("address", 0), |(subject, _)| (subject.name, subject.limit));
    let seconds = verdict.wait_ms.div_ceil(1000);
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "rate_limited",
        "Too many requests",
        format!("The {limit} requests a minute of this {name} are used up; nothing was done. Wait {seconds} s."),
    )
    .retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subjects() -> [Subject; 2] {
        [
            Subject { name: "user", key: "bizo:rate:{ten_1}:usr_1".to_owned(), limit: 300 },
            Subject { name: "tenant", key: "bizo:rate:{ten_1}".to_owned(), limit: 1200 },
        ]
    }

    #[test]
    fn the_headers_say_what_is_left_of_each_limit() {
        let verdict = Verdict { wait_ms: 0, standings: vec![(299, 59_001), (1100, 59_001)] };
        let headers: Vec<_> = standing(&subjects(), &verdict).headers().collect();
        assert_eq!(headers[0], (POLICY, HeaderValue::from_static(r#""user";q=300;w=60, "tenant";q=1200;w=60"#)));
        assert_eq!(headers[1], (STANDING, HeaderValue::from_static(r#""user";r=299;t=60, "tenant";r=1100;t=60"#)));
    }

    #[test]
    fn a_refusal_names_the_limit_that_is_spent() {
        let verdict = Verdict { wait_ms: 1_001, standings: vec![(12, 60_000), (0, 60_000)] };
        let problem = refusal(&subjects(), &verdict);
        assert_eq!((problem.status(), problem.code()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
        let text = String::from_utf8(problem.render("req_1")).unwrap();
        assert!(text.contains("The 1200 requests a minute of this tenant are used up") && text.contains("Wait 2 s"));
    }

    #[test]
    fn only_the_scripts_own_answer_is_believed() {
        assert_eq!(verdict(&[0, 299, 60_000]), Some(Verdict { wait_ms: 0, standings: vec![(299, 60_000)] }));
        for other in [&[][..], &[0, 299], &[-1, 299, 60_000], &[0, -1, 60_000]] {
            assert_eq!(verdict(other), None, "{other:?}");
        }
    }

    #[test]
    fn an_empty_setting_is_the_default_and_none_turns_limits_off() {
        let read = |value| Limits::new(&Settings::from_values([("rate_limit_user", value)]));
        assert_eq!(read(""), Ok(Limits { user: 300, tenant: 1200, address: 60 }));
        assert_eq!(read("7"), Ok(Limits { user: 7, tenant: 1200, address: 60 }));
        assert!(read("0").is_err() && read("-1").is_err() && read("many").is_err());
    }
}
