//! The app's timer: has events delivered every second, and what is over removed every minute. In production a scheduler
//! does the same.

use std::time::Duration;

use anyhow::Result;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use tokio::time::{Instant, MissedTickBehavior, interval};

const DISPATCH: &str = "/internal/events/dispatch";
const SWEEP: &str = "/internal/auth/sweep";
const SWEEP_PAYMENTS: &str = "/internal/payments/sweep";

/// A dispatch that takes so many may have left some.
const FULL_BATCH: u32 = 16;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Done {
    claimed: u32,
    has_more: bool,
}

/// Goes on until the process ends.
pub(crate) async fn run(app: &str, token: &str) -> Result<()> {
    let client = Client::builder().timeout(Duration::from_secs(35)).build()?;
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last, mut swept_at) = (None, None::<Instant>);
    loop {
        seconds.tick().await;
        while let Some((status, done)) = ask(&client, app, DISPATCH, token).await {
            // Said once, and not again until it changes; while the app starts it does not answer at all.
            if last != Some(status) && !status.is_success() {
                eprintln!("mailbox: the app answers {status} to {DISPATCH}; {app}/events/readyz may say why");
            }
            last = Some(status);
            if done.claimed < FULL_BATCH {
                break;
            }
        }
        if swept_at.is_none_or(|at| at.elapsed() >= Duration::from_secs(60)) {
            let mut more = true;
            while more {
                more = ask(&client, app, SWEEP, token).await.is_some_and(|(_, done)| done.has_more);
            }
            let mut claimed = FULL_BATCH;
            while claimed == FULL_BATCH {
                claimed = ask(&client, app, SWEEP_PAYMENTS, token).await.map_or(0, |(_, done)| done.claimed);
            }
            swept_at = Some(Instant::now());
        }
    }
}

/// What the app answers; none if it does not.
async fn ask(client: &Client, app: &str, path: &str, token: &str) -> Option<(StatusCode, Done)> {
    let response = client.post(format!("{app}{path}")).bearer_auth(token).send().await.ok()?;
    let status = response.status();
    Some((status, response.json().await.unwrap_or_default()))
}
