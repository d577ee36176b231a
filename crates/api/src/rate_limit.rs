//! Rate limits: who is counted for a request, and against what.
//!
//! A caller with a valid token counts against their user and their tenant; an API key against itself and its tenant; everybody
//! else against their address; a gateway's message against its account, and against its address once it is refused. Routes that cost more than others
//! count against their class as well ([`RouteClass`]). One EVAL of `rate_limit.lua` on the instance's connection decides
//! and counts, so that instances that run at once share one count. What must stay true: a request over a limit does nothing
//! and costs no database connection; what is refused is not counted, so waiting helps; with the store away nobody is
//! refused, because these limits share out capacity and guard no secret (failed log-ins are throttled apart, and from
//! Postgres then).
//!
//! The answer carries `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10; ADR 0007).

use std::{borrow::Cow, fmt::Write, sync::Arc};

use axum::extract::{FromRef, FromRequestParts, RawPathParams};
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, StatusCode, request::Parts};
use ids::{GatewayAccountId, TenantId, UserId};

use crate::{App, ClientAddress, Clock, Notes, Problem, RouteClass, Store, limits::Limits};

/// Decides and counts; its head says what it takes and answers.
const SCRIPT: &str = include_str!("rate_limit.lua");
/// What the limits are per.
const WINDOW_MS: i64 = 60_000;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");

/// Who is counted: a name for the client to read, a key for the store, and what they have.
struct Subject {
    name: Cow<'static, str>,
    /// The same in words, after "this".
    words: Cow<'static, str>,
    key: String,
    limit: u32,
    /// What the request costs; 0 only looks whether there is room.
    cost: u32,
}

impl Subject {
    /// Counted for all requests together.
    fn new(name: &'static str, key: String, limit: u32) -> Self {
        Self { name: name.into(), words: name.into(), key, limit, cost: 1 }
    }

    /// Counted for what a class is for.
    fn of_class(class: &str, words: &str, who: &str, key: String, limit: u32) -> Self {
        Self { name: format!("{class}-{who}").into(), words: format!("{who} {words}").into(), key, limit, cost: 1 }
    }
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

/// A gateway's message. Before anything of it is read it is counted against the account that its path names, if it names one,
/// and held to what its address may have refused: a gateway's addresses send for all tenants, so what verifies costs them
/// nothing, or one tenant could spend what all others' messages need.
#[derive(Debug)]
pub struct WebhookSender {
    address: ClientAddress,
    now: DateTime<Utc>,
}

impl WebhookSender {
    /// Counts a message that was refused against its address.
    pub async fn refused(&self, app: &App) {
        // A message beyond the limit was refused already; that it could not be counted changes nothing.
        if let Ok(limits) = limits(app) {
            let _ = count(&app.store, None, self.now, &[Self::of_address(&self.address, &limits)]).await;
        }
    }

    fn of_address(address: &ClientAddress, limits: &Limits) -> Subject {
        let key = format!("{WEBHOOKS}:address:{}", address.limit_key());
        Subject::of_class("webhooks", WEBHOOKS_WORDS, "address", key, limits.webhooks_address)
    }
}

/// One slot of a cluster for all that is counted of a message.
const WEBHOOKS: &str = "bizo:rate:{webhooks}";
const WEBHOOKS_WORDS: &str = "for messages of gateways";

impl<S: Send + Sync> FromRequestParts<S> for WebhookSender
where
    Arc<App>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = Arc::<App>::from_ref(state);
        let limits = limits(&app)?;
        let sender = Self { address: ClientAddress::of(parts, &app), now: now(parts).await };
        let mut subjects = vec![Subject { cost: 0, ..Self::of_address(&sender.address, &limits) }];
        // As the handler reads it: decoded, and by its name.
        let path = RawPathParams::from_request_parts(parts, state).await.ok();
        let account = path.as_ref().and_then(|path| path.iter().find(|(name, _)| *name == "account"));
        if let Some(account) = account.and_then(|(_, account)| account.parse::<GatewayAccountId>().ok()) {
            let key = format!("{WEBHOOKS}:account:{account}");
            subjects.push(Subject::of_class("webhooks", WEBHOOKS_WORDS, "account", key, limits.webhooks_account));
        }
        count(&app.store, Notes::of(parts), sender.now, &subjects).await?;
        Ok(sender)
    }
}

/// Counts a request of somebody without a token, or refuses it.
pub async fn count_visitor(app: &App, parts: &mut Parts) -> Result<Visitor, Problem> {
    let limits = limits(app)?;
    let address = ClientAddress::of(parts, app);
    let now = now(parts).await;
    let key = format!("bizo:rate:{{address:{}}}", address.limit_key());
    let of_class = limits.of_addresses(RouteClass::of(parts));
    let of_class =
        of_class.map(|of| Subject::of_class(of.class, of.words, "address", format!("{key}:{}", of.class), of.caller));
    let subjects: Vec<_> = [Subject::new("address", key, limits.address)].into_iter().chain(of_class).collect();
    count(&app.store, Notes::of(parts), now, &subjects).await?;
    Ok(Visitor(address))
}

/// Counts a request of a person in a tenant (or in none), or refuses it.
pub async fn count_member(app: &App, parts: &mut Parts, user: UserId, tenant: Option<TenantId>) -> Result<(), Problem> {
    let limits = limits(app)?;
    let now = now(parts).await;
    let subjects = match tenant {
        Some(tenant) => {
            let user = Caller { name: "user", id: user.to_string(), limit: limits.user };
            of_tenant(&limits, RouteClass::of(parts), &user, tenant)
        }
        None => {
            let key = format!("bizo:rate:{{{user}}}");
            let of_class = limits
                .of_callers(RouteClass::of(parts))
                .map(|of| Subject::of_class(of.class, of.words, "user", format!("{key}:{}", of.class), of.caller));
            [Subject::new("user", key, limits.user)].into_iter().chain(of_class).collect()
        }
    };
    count(&app.store, Notes::of(parts), now, &subjects).await
}

/// Counts a request with an API key, or refuses it. Whose key it is only the database knows, and whether it is one at all:
/// until a request with it was done, all keys of one address share what an address has without a token.
pub async fn count_key(
    app: &App,
    parts: &mut Parts,
    key_digest: &[u8; 32],
    tenant: Option<TenantId>,
) -> Result<(), Problem> {
    let limits = limits(app)?;
    let now = now(parts).await;
    let key = Caller { name: "key", id: format!("key:{}", short_hex(key_digest)), limit: limits.key };
    let subjects = match tenant {
        Some(tenant) => of_tenant(&limits, RouteClass::of(parts), &key, tenant),
        None => {
            let start = format!("bizo:rate:{{key:{}}}", ClientAddress::of(parts, app).limit_key());
            let of_key = Subject::new(key.name, format!("{start}:{}", key.id), key.limit);
            vec![of_key, Subject::new("address", start, limits.address)]
        }
    };
    count(&app.store, Notes::of(parts), now, &subjects).await
}

/// Enough of a digest to tell keys apart, for names in the store.
pub(crate) fn short_hex(digest: &[u8; 32]) -> String {
    digest.iter().take(16).fold(String::with_capacity(32), |mut name, byte| {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// A person or an API key of a tenant.
struct Caller {
    name: &'static str,
    id: String,
    limit: u32,
}

/// The caller and their tenant, all requests together, and both once more for the class. The braces keep all keys in one
/// slot of a cluster.
fn of_tenant(limits: &Limits, class: RouteClass, caller: &Caller, tenant: TenantId) -> Vec<Subject> {
    let Caller { name, id, limit } = caller;
    let key = format!("bizo:rate:{{{tenant}}}");
    let mut subjects =
        vec![Subject::new(name, format!("{key}:{id}"), *limit), Subject::new("tenant", key.clone(), limits.tenant)];
    if let Some(of) = limits.of_callers(class) {
        let subject = |who, key, limit| Subject::of_class(of.class, of.words, who, key, limit);
        let key = format!("{key}:{}", of.class);
        subjects.push(subject(*name, format!("{key}:{id}"), of.caller));
        subjects.extend(of.tenant.map(|limit| subject("tenant", key, limit)));
    }
    subjects
}

async fn now(parts: &mut Parts) -> DateTime<Utc> {
    let Ok(clock) = Clock::from_request_parts(parts, &()).await;
    clock.now()
}

fn limits(app: &App) -> Result<Limits, Problem> {
    app.limits.clone().map_err(Problem::from)
}

async fn count(store: &Store, notes: Option<&Notes>, now: DateTime<Utc>, subjects: &[Subject]) -> Result<(), Problem> {
    let keys: Vec<&str> = subjects.iter().map(|subject| subject.key.as_str()).collect();
    let mut args = vec![now.timestamp_millis(), WINDOW_MS];
    args.extend(subjects.iter().map(|subject| i64::from(subject.limit)));
    args.extend(subjects.iter().map(|subject| i64::from(subject.cost)));
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
    let mut standings = Vec::with_capacity(4);
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
    let (words, limit) = spent.map_or(("address", 0), |(subject, _)| (subject.words.as_ref(), subject.limit));
    let seconds = verdict.wait_ms.div_ceil(1000);
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "rate_limited",
        "Too many requests",
        format!("The {limit} requests a minute of this {words} are used up; nothing was done. Wait {seconds} s."),
    )
    .retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    fn subjects() -> [Subject; 2] {
        [
            Subject::new("user", "bizo:rate:{ten_1}:usr_1".to_owned(), 300),
            Subject::new("tenant", "bizo:rate:{ten_1}".to_owned(), 1200),
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
    fn a_class_counts_beside_all_requests_together() {
        let limits = Limits::new(&Settings::from_values([])).unwrap();
        let tenant: TenantId = "ten_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let key = Caller { name: "key", id: "key:00ff".to_owned(), limit: 300 };
        let of = |class| {
            let subjects = of_tenant(&limits, class, &key, tenant);
            // One slot of a cluster, and no key twice.
            let keys: std::collections::BTreeSet<_> = subjects.iter().map(|subject| subject.key.clone()).collect();
            assert_eq!(keys.len(), subjects.len());
            assert!(keys.iter().all(|key| key.starts_with("bizo:rate:{ten_01h455vb4pex5vsknk084sn02q}")));
            subjects.iter().map(|subject| format!("{} {}", subject.name, subject.limit)).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(of(RouteClass::Ordinary), "key 300, tenant 1200");
        assert_eq!(of(RouteClass::Money), "key 300, tenant 1200, money-key 120, money-tenant 600");
        assert_eq!(of(RouteClass::Reports), "key 300, tenant 1200, reports-key 60, reports-tenant 240");
        assert_eq!(of(RouteClass::Credentials), "key 300, tenant 1200, credentials-key 20");
    }
}
