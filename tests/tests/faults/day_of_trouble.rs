//! A day of trouble: a thousand payments over four gateways, with declines, lost answers, broken ones, messages twice, out of order
//! or not at all, instances that die and a database that restarts. When it is over and the sweep has been through, the gateways'
//! books and ours agree to the last minor unit.
//!
//! What happens follows from a fixed seed; in which order things then meet does not, and must not matter.

use std::{collections::BTreeMap, time::Duration};

use e2e::{
    Anonymous, Answer, App, HostOptions, Member,
    gateways::{Books, Delivery, Paypal, Payu, Razorpay, Stripe, Trouble},
    personas::fresh_key,
};
use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Row;

const PAYMENTS: u64 = 1000;
const AT_ONCE: usize = 12;
const WEBHOOK_SECRET: &str = "whsec_planted_webhook_0001";
const WEBHOOK_ID: &str = "1JE4291016473214C";

/// Numbers that look like chance and are the same every day (xorshift64*).
struct Dice(u64);

impl Dice {
    fn of(number: u64) -> Self {
        Self((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// A tenant with an account at each gateway, and the gateways.
struct Shop {
    owner: Member,
    name: String,
    paths: BTreeMap<&'static str, String>,
    stripe: Stripe,
    paypal: Paypal,
    razorpay: Razorpay,
    payu: Payu,
}

const GATEWAYS: [&str; 4] = ["stripe", "paypal", "razorpay", "payu"];

impl Shop {
    async fn open(app: &App) -> Self {
        let owner = Member::owner(app).await;
        let name = owner.tenant().simple().to_string();
        app.payu.open(&name, "PlantedSalt0001");
        let mut shop = Self {
            name,
            owner,
            paths: BTreeMap::new(),
            stripe: app.stripe.clone(),
            paypal: app.paypal.clone(),
            razorpay: app.razorpay.clone(),
            payu: app.payu.clone(),
        };
        for gateway in GATEWAYS {
            let key = shop.key(gateway);
            let credentials = match gateway {
                "stripe" => json!({ "secret_key": key, "webhook_secret": WEBHOOK_SECRET }),
                "paypal" => {
                    json!({ "client_id": key, "client_secret": "planted_secret_0001", "webhook_id": WEBHOOK_ID })
                }
                "razorpay" => {
                    json!({ "key_id": key, "key_secret": "planted_secret_0001", "webhook_secret": WEBHOOK_SECRET })
                }
                _ => json!({ "merchant_key": key, "salt": "PlantedSalt0001" }),
            };
            let body = json!({ "mode": "test", "credentials": credentials });
            let account = shop.owner.put(&format!("/gateways/{gateway}/account"), &body).await.expect(200);
            let url = account["webhook_url"].as_str().expect("an address");
            shop.paths.insert(gateway, url[url.find("/webhooks/").expect("a path")..].to_owned());
        }
        shop
    }

    /// What a gateway knows the shop by.
    fn key(&self, gateway: &str) -> String {
        match gateway {
            "stripe" => format!("sk_test_{}", self.name),
            "paypal" => format!("client-{}", self.name),
            "razorpay" => format!("rzp_test_{}", self.name),
            _ => self.name.clone(),
        }
    }

    fn make_trouble(&self, gateway: &str, dice: &mut Dice) {
        let trouble = match dice.below(6) {
            0 => Trouble::AnswerLost,
            1 => Trouble::NotDone,
            2 => Trouble::Garbled,
            3 => Trouble::Status(500),
            4 => Trouble::Status(429),
            _ => Trouble::Slow(Duration::from_millis(200)),
        };
        let key = self.key(gateway);
        let any = |choices: &[&'static str], dice: &mut Dice| choices[dice.below(choices.len() as u64) as usize];
        match gateway {
            "stripe" => self.stripe.make_trouble(
                &key,
                any(&["POST /v1/checkout", "/capture", "/refunds", "GET "], dice),
                trouble,
            ),
            "paypal" => self.paypal.make_trouble(
                &key,
                any(&["/v2/checkout/orders", "/capture", "/refund", "oauth2"], dice),
                trouble,
            ),
            "razorpay" => {
                self.razorpay.make_trouble(&key, any(&["POST /v1/", "/capture", "/refund", "GET "], dice), trouble)
            }
            _ => {
                let commands =
                    ["verify_payment", "capture_transaction", "cancel_refund_transaction", "check_action_status"];
                self.payu.make_trouble(&key, any(&commands, dice), trouble);
            }
        }
    }

    /// The payer does what they were asked to, or does not.
    fn payer_acts(&self, gateway: &str, payment: &Value, dice: &mut Dice) {
        let Some(order) = payment["gateway_refs"]["order"].as_str() else { return };
        let key = self.key(gateway);
        let (declines, gives_up) = (dice.chance(15), dice.chance(15));
        match gateway {
            "stripe" => {
                if declines {
                    self.stripe.decline(&key, order);
                }
                if !gives_up {
                    self.stripe.pay(&key, order);
                }
            }
            "paypal" if !gives_up => self.paypal.approve(&key, order),
            "razorpay" => {
                if declines {
                    self.razorpay.decline(&key, order);
                }
                if !gives_up {
                    self.razorpay.pay(&key, order);
                }
            }
            "payu" if !gives_up => {
                drop(self.payu.pay(&payment["next_action"]["fields"], if declines { "failed" } else { "success" }));
            }
            _ => {}
        }
    }

    /// Everything that the gateways have to say, mixed: some of it twice, some never.
    async fn hear(&self, dice: &mut Dice) {
        let mut messages: Vec<(&str, Delivery)> = Vec::new();
        messages.extend(
            self.stripe.take_events(&self.key("stripe"), WEBHOOK_SECRET).into_iter().map(|event| ("stripe", event)),
        );
        messages.extend(
            self.paypal.take_events(&self.key("paypal"), WEBHOOK_ID).into_iter().map(|event| ("paypal", event)),
        );
        messages.extend(
            self.razorpay
                .take_events(&self.key("razorpay"), WEBHOOK_SECRET)
                .into_iter()
                .map(|event| ("razorpay", event)),
        );
        let mut mixed = Vec::new();
        for message in messages {
            for _ in 0..[0, 1, 1, 1, 2][dice.below(5) as usize] {
                mixed.insert(dice.below(mixed.len() as u64 + 1) as usize, message.clone());
            }
        }
        stream::iter(mixed)
            .for_each_concurrent(AT_ONCE, |(gateway, delivery)| async move {
                let mut request = self.owner.anonymous.request(Method::POST, &self.paths[gateway]).body(delivery.body);
                for (name, value) in &delivery.headers {
                    request = request.header(name, value);
                }
                // What is not taken now may not come again: the sweep is there for that.
                let _ = Anonymous::try_send(request).await;
            })
            .await;
    }

    /// Asks until there is a definite answer, or one that will be found out.
    async fn insist(&self, path: &str, key: &str, body: &Value) -> Option<Answer> {
        for _ in 0..20 {
            let request = self.owner.request(Method::POST, path).header("idempotency-key", key).json(body);
            match Anonymous::try_send(request).await {
                Ok(answer) if answer.status.as_u16() == 503 || answer.status.as_u16() == 500 => {
                    assert_eq!(answer.status, 503, "{}", answer.json());
                }
                Ok(answer) if answer.status == 409 && answer.json()["code"] == "conflict_in_flight" => return None,
                Ok(answer) => return Some(answer),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        None
    }

    /// One payment, from the cart to the end of what its tenant does with it.
    async fn sell(&self, number: u64) {
        let mut dice = Dice::of(number);
        let gateway = GATEWAYS[(number % 4) as usize];
        if dice.chance(25) {
            self.make_trouble(gateway, &mut dice);
        }
        let currency = match gateway {
            "stripe" => "EUR",
            "paypal" => "USD",
            _ => "INR",
        };
        let is_held = dice.chance(30);
        let amount = 1000 + dice.below(100_000);
        let new = json!({
            "amount": amount, "currency": currency, "gateway": gateway, "mode": "test",
            "capture_method": if is_held { "manual" } else { "automatic" },
            "flow": if is_held && gateway == "razorpay" { "sdk" } else { "redirect" },
            "customer": { "name": "Asha", "email": "asha@example.com", "phone": "9000000000" },
        });
        let key = fresh_key();
        let Some(created) = self.insist("/payments", &key, &new).await else { return };
        assert!(matches!(created.status.as_u16(), 201 | 202), "{}", created.json());
        let mut payment = created.json();
        if payment["state"] == "created" {
            // Nobody knows yet: the client asks again, as the documents say.
            let Some(again) = self.insist("/payments", &key, &new).await else { return };
            payment = again.json();
        }
        if payment["state"] != "requires_action" {
            return;
        }
        let path = format!("/payments/{}", payment["id"].as_str().expect("an id"));
        if dice.chance(5) {
            self.insist(&format!("{path}/cancel"), &fresh_key(), &json!({})).await;
            return;
        }
        self.payer_acts(gateway, &payment, &mut dice);
        if dice.chance(25) {
            self.make_trouble(gateway, &mut dice);
        }
        self.insist(&format!("{path}/sync"), &fresh_key(), &json!({})).await;
        if is_held {
            let verb = if dice.chance(80) {
                "capture"
            } else if gateway == "razorpay" {
                "sync"
            } else {
                "cancel"
            };
            let key = fresh_key();
            for _ in 0..1 + dice.below(2) {
                self.insist(&format!("{path}/{verb}"), &key, &json!({})).await;
            }
        }
        if dice.chance(40) {
            let part = amount / 3;
            for _ in 0..1 + dice.below(3) {
                let key = fresh_key();
                for _ in 0..1 + dice.below(2) {
                    self.insist(&format!("{path}/refunds"), &key, &json!({ "amount": part })).await;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_day_of_trouble_the_gateways_books_and_ours_agree() {
    let mut app = App::own(HostOptions::default()).expect("an app");
    let shop = Shop::open(&app).await;
    let mut dice = Dice::of(u64::MAX / 2);
    for (part, numbers) in (0..PAYMENTS).collect::<Vec<_>>().chunks(100).enumerate() {
        let selling = stream::iter(numbers.iter().copied()).for_each_concurrent(AT_ONCE, |number| shop.sell(number));
        // In the middle of some parts something dies.
        let dying = async {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            match part {
                2 | 6 => app.host.restart().expect("starts again"),
                4 | 8 => app.servers().postgres.restart().expect("restarts"),
                _ => {}
            }
        };
        tokio::join!(selling, dying);
        shop.hear(&mut dice).await;
    }

    // The evening: whatever is open becomes due, as often as the timetable has it.
    for hours in [1, 2, 26, 27] {
        shop.payu.work(&shop.key("payu"));
        shop.razorpay.work(&shop.key("razorpay"));
        shop.hear(&mut dice).await;
        app.database
            .execute(&format!(
                "update payments.attempts set leased_until = null, asked_at = asked_at - interval '{hours} hours'
                  where state in ('started', 'unknown');
                 update payments.payments set leased_until = null, next_look_at = now(), looks = 0,
                        expires_at = expires_at - interval '{hours} hours'
                  where next_look_at is not null"
            ))
            .await;
        while app.as_scheduler(Method::POST, "/internal/payments/sweep").await.expect(200)["claimed"] != 0 {}
    }

    let open = app
        .database
        .rows(
            "select concat_ws(' ', p.gateway, t.verb, t.state, p.state, p.authorized, p.captured, p.refunding, p.refunded, p.id,
                              (select string_agg(concat_ws(':', e.type, e.source, e.details::text), ', ' order by e.id)
                                 from payments.payment_events e where e.tenant_id = p.tenant_id and e.payment_id = p.id))
               from payments.attempts t join payments.payments p on p.tenant_id = t.tenant_id and p.id = t.payment_id
              where t.state in ('started', 'unknown')",
        )
        .await;
    let open: Vec<String> = open.iter().map(|row| row.get(0)).collect();
    assert!(open.is_empty(), "nobody knows what became of these:\n{}", open.join("\n"));
    let states = app.database.rows("select state, count(*) from payments.payments group by state order by state").await;
    let states: BTreeMap<String, i64> = states.iter().map(|row| (row.get(0), row.get(1))).collect();
    println!("after the day: {states:?}");
    for (state, count) in &states {
        assert!(!["created", "requires_action", "processing"].contains(&state.as_str()), "{count} are {state}");
    }
    assert!(states["captured"] > 100 && states["failed"] > 10 && states["partially_refunded"] > 50, "{states:?}");

    // Payment by payment: what each gateway took and returned, what we hold, and what the ledger says.
    let mut theirs = Books::new();
    theirs.extend(shop.stripe.books_by_payment(&shop.key("stripe")));
    theirs.extend(shop.paypal.books_by_payment(&shop.key("paypal")));
    theirs.extend(shop.razorpay.books_by_payment(&shop.key("razorpay")));
    theirs.extend(shop.payu.books_by_payment(&shop.key("payu")));
    let ours = app
        .database
        .rows(
            "select p.id::text, p.gateway, p.captured, p.refunded,
                    coalesce(sum(e.amount) filter (where e.type = 'capture'), 0)::bigint,
                    (coalesce(sum(e.amount) filter (where e.type = 'refund'), 0)
                     - coalesce(sum(e.amount) filter (where e.type = 'refund_reversal'), 0))::bigint
               from payments.payments p left join payments.ledger_entries e on e.tenant_id = p.tenant_id and e.payment_id = p.id
              group by p.tenant_id, p.id",
        )
        .await;
    let mut taken = 0;
    for row in &ours {
        let id: uuid::Uuid = row.get::<String, _>(0).parse().expect("a UUID");
        let id = ids::PaymentId::from(id).to_string();
        let held: (i64, i64) = (row.get(2), row.get(3));
        let posted: (i64, i64) = (row.get(4), row.get(5));
        let gateway: String = row.get(1);
        assert_eq!(held, posted, "{gateway} {id}: the row and the ledger");
        assert_eq!(held, theirs.remove(&id).unwrap_or_default(), "{gateway} {id}: ours and theirs");
        taken += held.0;
    }
    theirs.retain(|_, sums| *sums != (0, 0));
    assert!(theirs.is_empty(), "money that we know nothing of: {theirs:?}");
    let owner = shop.owner.anonymous.become_member(&shop.owner.email, shop.owner.account.clone(), "").await;
    for gateway in ["stripe", "razorpay"] {
        let path = format!("/ledger/reconciliation?gateway={gateway}&mode=test&{}", day());
        let report = owner.get(&path).await.expect(200);
        println!("{gateway}: {} listed, {} held", report["listed"], report["held"]);
        assert_eq!(report["differences"], serde_json::json!([]), "{gateway}");
        assert!(report["held"].as_u64().expect("a number") > 50, "{report}");
    }
    let balances = owner.get("/ledger/balances?mode=test").await.expect(200);
    let sales: i64 = balances["data"]
        .as_array()
        .expect("balances")
        .iter()
        .filter(|row| row["account"] == "sales")
        .map(|row| row["balance"].as_i64().expect("a number"))
        .sum();
    assert_eq!(-sales, taken);
}

/// From twelve hours ago to twelve hours ahead.
fn day() -> String {
    let now = i64::try_from(e2e::gateways::stripe::now()).expect("a second of this era");
    let at = |hours: i64| {
        let moment = chrono::DateTime::from_timestamp(now + hours * 3600, 0).expect("a second of this era");
        moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    format!("created_after={}&created_before={}", at(-12), at(12))
}
