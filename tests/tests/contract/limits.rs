//! Rate limits: told on every answer, and kept. The app has its own limits here, small enough to be reached.

use e2e::{Anonymous, Answer, App, HostOptions, Member, personas::fresh_email};

/// Of each policy in a `RateLimit` header: its name and what is left.
fn left(answer: &Answer) -> Vec<(String, u64)> {
    let standing = answer.header("ratelimit");
    let items = standing.split(", ").map(|item| {
        let mut parts = item.split(';');
        let name = parts.next().expect("a name").trim_matches('"').to_owned();
        let left = parts.next().and_then(|part| part.strip_prefix("r=")).expect("what is left");
        let seconds: u64 = parts.next().and_then(|part| part.strip_prefix("t=")).expect("a time").parse().unwrap();
        assert!((1..=60).contains(&seconds), "{standing}");
        (name, left.parse().unwrap())
    });
    items.collect()
}

#[tokio::test]
async fn what_is_left_is_told_and_who_has_nothing_left_waits() {
    let limits = [("rate_limit_user", "5"), ("rate_limit_tenant", "1200"), ("rate_limit_address", "6")];
    let variables = limits.map(|(name, limit)| (name, limit.to_owned())).to_vec();
    let app = App::own(HostOptions { variables, ..HostOptions::default() }).expect("the app starts");
    // Registering and logging in count against the address: four of six are left.
    let owner = Member::owner(&app).await;

    for nth in 1..=5 {
        let answer = owner.get(if nth % 2 == 0 { "/users/me" } else { "/leads" }).await;
        answer.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), "\"user\";q=5;w=60, \"tenant\";q=1200;w=60");
        assert_eq!(left(&answer), [("user".to_owned(), 5 - nth), ("tenant".to_owned(), 1200 - nth)]);
    }
    for path in ["/leads", "/users/me", "/analytics/leads"] {
        let answer = owner.get(path).await;
        answer.problem(429, "rate_limited");
        let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((1..=120).contains(&seconds), "{seconds}");
        // Figures tell of a limit of their own behind these.
        assert_eq!(left(&answer)[..2], [("user".to_owned(), 0), ("tenant".to_owned(), 1195)]);
    }

    let anonymous = Anonymous::of(&app);
    for nth in 1..=4 {
        // Without a valid token the address counts, whatever is asked for.
        let answer = match nth {
            1 => anonymous.get("/leads").await,
            2 => Anonymous::send(anonymous.request(reqwest::Method::GET, "/users/me").bearer_auth("x")).await,
            _ => anonymous.log_in(&fresh_email(), "wrong").await,
        };
        assert!(matches!(answer.status.as_u16(), 400 | 401), "{}", answer.status);
        // Some routes tell of a limit of their own beside it.
        assert!(answer.header("ratelimit-policy").starts_with("\"address\";q=6;w=60"));
        assert_eq!(left(&answer)[0], ("address".to_owned(), 4 - nth));
    }
    for answer in [anonymous.register(&fresh_email()).await, anonymous.log_in(&fresh_email(), "wrong").await] {
        answer.problem(429, "rate_limited");
        assert!(!answer.header("retry-after").is_empty());
    }
    anonymous.get("/leads").await.problem(429, "rate_limited");
    // What is not limited still answers.
    anonymous.get("/crm/healthz").await.expect(200);
}
