//! A hundred failed log-ins an hour are what one address has, whoever they are for; counted by either counter.

use e2e::{Anonymous, Answer, App, HostOptions, personas::fresh_email};
use futures::{StreamExt, stream};
use reqwest::Method;

/// Fails to log in as somebody new, as a proxy of ours would pass it on.
async fn fail_from(anonymous: &Anonymous, address: &str) -> Answer {
    let form = [("username", fresh_email()), ("password", "wrong".to_owned())];
    let request = anonymous.request(Method::POST, "/auth/jwt/login").form(&form);
    Anonymous::send(request.header("x-forwarded-for", address)).await
}

async fn a_hundred_fail_and_no_more(app: &App) {
    let anonymous = Anonymous::of(app);
    let answers: Vec<Answer> =
        stream::iter(0..110).map(|_| fail_from(&anonymous, "203.0.113.9")).buffer_unordered(4).collect().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 400).count(), 100);
    for answer in answers.iter().filter(|answer| answer.status != 400) {
        answer.problem(429, "log_in_throttled");
        let wait: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((3000..=3600).contains(&wait), "{wait}");
    }
    fail_from(&anonymous, "203.0.113.10").await.problem(400, "bad_credentials");
}

#[tokio::test]
async fn counted_by_the_store() {
    let variables = vec![("trusted_proxy_hops", "1".to_owned())];
    let app = App::own(HostOptions { variables, ..HostOptions::default() }).expect("an app");
    a_hundred_fail_and_no_more(&app).await;
}

#[tokio::test]
async fn counted_by_the_database() {
    let variables = vec![("trusted_proxy_hops", "1".to_owned())];
    let app = App::own(HostOptions { variables, ..HostOptions::default() }).expect("an app");
    app.servers().redis.stop().expect("stops");
    a_hundred_fail_and_no_more(&app).await;
}
