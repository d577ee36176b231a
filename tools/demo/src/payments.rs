//! A morning of payments at the gateway `test`, whose amounts decide what becomes of them.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use crate::{
    chart,
    client::Client,
    contract::{Balances, Payment, Refund},
    paint::Paint,
};

/// The last two digits of the amounts: most are paid, some declined, held, sent to a page, or not answered in time.
const ENDINGS: [i64; 12] = [0, 50, 0, 2, 99, 8, 0, 3, 50, 1, 0, 10];
const PAYMENTS: usize = 36;
/// Every so manieth payment that was captured goes back, half of it.
const REFUND_EVERY: usize = 4;

#[derive(Serialize)]
struct NewPayment {
    amount: i64,
    currency: &'static str,
    gateway: &'static str,
    description: String,
}

#[derive(Serialize)]
struct NewRefund {
    amount: i64,
}

#[derive(Serialize)]
struct NewCapture {}

/// Takes payments, captures what is held, returns some, and shows what the ledger says of it.
pub(crate) async fn play(tenant: &Client, run: &str, concurrency: usize, paint: Paint) -> Result<()> {
    println!("\n{}", paint.bold("Payments"));
    let made: Vec<Payment> = stream::iter(0..PAYMENTS)
        .map(|number| async move {
            let amount = 2000 + 700 * (number as i64 % 9) + ENDINGS[number % ENDINGS.len()];
            let description = format!("Order {}", number + 1);
            let new = NewPayment { amount, currency: "EUR", gateway: "test", description };
            tenant.post::<Payment>("/payments", &format!("demo-{run}-payment-{number}"), &new).await
        })
        .buffered(concurrency)
        .try_collect()
        .await?;
    let mut refunds = 0;
    let (held, paid): (Vec<_>, Vec<_>) =
        made.iter().filter(|payment| payment.authorized > 0).partition(|payment| payment.captured == 0);
    for payment in held {
        let path = format!("/payments/{}/capture", payment.id);
        tenant.post::<Payment>(&path, &format!("demo-{run}-{}-capture", payment.id), &NewCapture {}).await?;
    }
    for payment in paid.iter().step_by(REFUND_EVERY) {
        let new = NewRefund { amount: payment.captured / 2 };
        let path = format!("/payments/{}/refunds", payment.id);
        tenant.post::<Refund>(&path, &format!("demo-{run}-{}-refund", payment.id), &new).await?;
        refunds += 1;
    }
    let mut now = Vec::with_capacity(made.len());
    for payment in &made {
        now.push(tenant.get::<Payment>(&format!("/payments/{}", payment.id)).await?);
    }
    let mut by_state: BTreeMap<&str, u64> = BTreeMap::new();
    for payment in &now {
        *by_state.entry(&payment.state).or_default() += 1;
    }
    println!("  took {} payments at the gateway `test`, and returned a part of {refunds}", made.len());
    let bars: Vec<_> = by_state.into_iter().map(|(state, count)| (state.to_owned(), count)).collect();
    print!("{}", chart::chart("by state", &bars, paint));

    let balances: Balances = tenant.get("/ledger/balances?mode=test").await?;
    println!("\n  {}", paint.dim("the ledger, in cents"));
    for balance in &balances.data {
        println!("  {:14}  {:>9}", balance.account, balance.balance);
    }
    let sum: i64 = balances.data.iter().map(|balance| balance.balance).sum();
    let sales: i64 = balances.data.iter().filter(|row| row.account == "sales").map(|row| -row.balance).sum();
    let captured: i64 = now.iter().map(|payment| payment.captured).sum();
    ensure!(sum == 0, "the ledger is out of balance by {sum}");
    ensure!(sales == captured, "the payments took {captured} and the ledger says {sales}");
    println!("  {}", paint.good("its accounts sum to zero, and agree with the payments"));
    Ok(())
}
