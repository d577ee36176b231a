//! Timers.

use std::time::Duration;

/// Waits until the time has passed.
pub async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}
