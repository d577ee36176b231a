//! The gateways of `./dev up`: their pages for payers, and a messenger that delivers what they have to say.
//!
//! For development only: any credentials that look right are good, and whoever can reach the pages pays.

use std::{collections::BTreeMap, fmt::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use axum::{
    Form, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use tokio::net::TcpListener;

use crate::{Checkout, Delivery, Paypal, Payu, Razorpay, Stripe};

/// What a tenant's accounts must have so that the messages' signatures are theirs.
const STRIPE_WEBHOOK_SECRET: &str = "whsec_development";
const RAZORPAY_WEBHOOK_SECRET: &str = "development_webhook_secret";
const PAYPAL_WEBHOOK_ID: &str = "WH-DEVELOPMENT";
const PAYU: (&str, &str) = ("development", "development_salt");

/// The four gateways, and where the app is that hears of them.
#[derive(Debug)]
pub struct Desk {
    app: String,
    stripe: Stripe,
    paypal: Paypal,
    razorpay: Razorpay,
    payu: Payu,
}

/// Serves the pages on `listen`, Stripe, PayPal, Razorpay and PayU on the four ports behind it, until the process ends.
pub async fn serve(listen: SocketAddr, app: &str) -> Result<()> {
    let behind = |ports: u16| {
        let port = listen.port().checked_add(ports).context("the four ports behind --listen must exist")?;
        Ok::<_, anyhow::Error>(SocketAddr::new(listen.ip(), port))
    };
    ensure!(listen.port() != 0, "--listen takes a port; the four behind it are the gateways'");
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let desk = Arc::new(Desk {
        app: app.trim_end_matches('/').to_owned(),
        stripe: Stripe::start_at(behind(1)?, &format!("http://{listen}/stripe"))?,
        paypal: Paypal::start_at(behind(2)?, &format!("http://{listen}/paypal/"))?,
        razorpay: Razorpay::start_at(behind(3)?, &format!("http://{listen}/razorpay"))?,
        payu: Payu::start_at(behind(4)?)?,
    });
    desk.payu.open(PAYU.0, PAYU.1);
    let serving = axum::serve(listener, router(desk.clone()));
    tokio::select! {
        served = serving => served.context("the pages ended"),
        never = desk.deliver() => never,
    }
}

fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/_payment", post(payu_page))
        .route("/payu", post(pay_payu))
        .route("/{gateway}/{id}", get(checkout_page).post(pay))
        .with_state(desk)
}

impl Desk {
    /// Every second: what is queued is done, and what there is to say is said.
    async fn deliver(&self) -> Result<()> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            for (gateway, delivery) in self.take_all() {
                let url = format!("{}/webhooks/{gateway}", self.app);
                let mut request = client.post(url).header("content-type", "application/json").body(delivery.body);
                for (name, value) in delivery.headers.iter().filter(|(name, _)| name != "content-type") {
                    request = request.header(name, value);
                }
                // An app that starts or stops hears nothing; its sweep finds out what was to be said. One that cannot tell whose a
                // message is (a refund's names no payment of ours) refuses it, and is not told again.
                let answer = request.send().await.map(|answer| answer.status());
                if answer.is_ok_and(|status| status == reqwest::StatusCode::UNAUTHORIZED) {
                    eprintln!(
                        "gateways: a message of {gateway} was refused: save the account with the secrets of the gateways' page"
                    );
                }
            }
        }
    }

    fn take_all(&self) -> Vec<(&'static str, Delivery)> {
        let mut all = Vec::new();
        for key in self.stripe.accounts() {
            all.extend(self.stripe.take_events(&key, STRIPE_WEBHOOK_SECRET).into_iter().map(|event| ("stripe", event)));
        }
        for key in self.paypal.accounts() {
            all.extend(self.paypal.take_events(&key, PAYPAL_WEBHOOK_ID).into_iter().map(|event| ("paypal", event)));
        }
        for key in self.razorpay.accounts() {
            self.razorpay.work(&key);
            let events = self.razorpay.take_events(&key, RAZORPAY_WEBHOOK_SECRET);
            all.extend(events.into_iter().map(|event| ("razorpay", event)));
        }
        for key in self.payu.accounts() {
            self.payu.work(&key);
        }
        all
    }

    fn checkout(&self, gateway: &str, id: &str) -> Option<(String, Checkout)> {
        match gateway {
            "stripe" => self.stripe.checkout(id),
            "paypal" => self.paypal.checkout(id),
            "razorpay" => self.razorpay.checkout(id),
            _ => None,
        }
    }
}

async fn home() -> Html<String> {
    let rows = [
        (
            "stripe",
            format!(r#"{{ "secret_key": "sk_test_development", "webhook_secret": "{STRIPE_WEBHOOK_SECRET}" }}"#),
        ),
        (
            "paypal",
            format!(
                r#"{{ "client_id": "development", "client_secret": "development_secret", "webhook_id": "{PAYPAL_WEBHOOK_ID}" }}"#
            ),
        ),
        (
            "razorpay",
            format!(
                r#"{{ "key_id": "rzp_test_development", "key_secret": "development_secret", "webhook_secret": "{RAZORPAY_WEBHOOK_SECRET}" }}"#
            ),
        ),
        ("payu", format!(r#"{{ "merchant_key": "{}", "salt": "{}" }}"#, PAYU.0, PAYU.1)),
    ];
    let mut text = "<p>Four servers that speak as Stripe, PayPal, Razorpay and PayU do. They keep books in memory and move no money. \
                    Save an account, then create payments in mode <code>test</code>; <code>next_action</code> leads here.</p>"
        .to_owned();
    for (gateway, credentials) in rows {
        let body = format!(r#"{{ "mode": "test", "credentials": {credentials} }}"#);
        let _ = write!(text, "<h2>{gateway}</h2><pre>PUT /gateways/{gateway}/account\n{}</pre>", escape(&body));
    }
    page("Gateways to pay with", &text)
}

async fn checkout_page(State(desk): State<Arc<Desk>>, Path((gateway, id)): Path<(String, String)>) -> Response {
    match desk.checkout(&gateway, &id) {
        Some((_, checkout)) => {
            let text = format!(
                "<p>This stands for {}'s page. No money moves.</p><p><strong>{}</strong></p><form method=\"post\">{BUTTONS}</form>",
                escape(&gateway),
                escape(&checkout.amount)
            );
            page("Pay", &text).into_response()
        }
        None => nothing_here(),
    }
}

const BUTTONS: &str =
    r#"<button name="choice" value="pay">Pay</button> <button name="choice" value="give_up">Give up</button>"#;

async fn pay(
    State(desk): State<Arc<Desk>>,
    Path((gateway, id)): Path<(String, String)>,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let Some((key, checkout)) = desk.checkout(&gateway, &id) else { return nothing_here() };
    if form.get("choice").map(String::as_str) != Some("pay") {
        return Redirect::to(&checkout.gave_up).into_response();
    }
    match gateway.as_str() {
        "stripe" => desk.stripe.pay(&key, &id),
        "paypal" => desk.paypal.approve(&key, &id),
        _ => drop(desk.razorpay.pay(&key, &id)),
    }
    Redirect::to(&checkout.back).into_response()
}

/// PayU is given the payer by a form, and shows it back with two buttons.
async fn payu_page(Form(form): Form<BTreeMap<String, String>>) -> Html<String> {
    let amount = form.get("amount").map_or("", String::as_str);
    let text = format!(
        "<p>This stands for PayU's page. No money moves.</p><p><strong>{} INR</strong></p><form method=\"post\" action=\"/payu\">{}{BUTTONS}</form>",
        escape(amount),
        hidden(&form)
    );
    page("Pay", &text)
}

/// And sends them back with another.
async fn pay_payu(State(desk): State<Arc<Desk>>, Form(mut form): Form<BTreeMap<String, String>>) -> Response {
    let pays = form.remove("choice").as_deref() == Some("pay");
    let back = form.get(if pays { "surl" } else { "furl" }).cloned().unwrap_or_default();
    match desk.payu.take_form(form, if pays { "success" } else { "userCancelled" }) {
        Ok(delivery) => {
            let fields = form_urlencoded::parse(delivery.body.as_bytes()).into_owned().collect();
            let text = format!(
                "<form method=\"post\" action=\"{}\">{}<button>Back to the shop</button></form>",
                escape(&back),
                hidden(&fields)
            );
            page("Done", &text).into_response()
        }
        Err(refusal) => {
            (StatusCode::BAD_REQUEST, page("Not taken", &format!("<p>{}</p>", escape(&refusal.to_string()))))
                .into_response()
        }
    }
}

fn nothing_here() -> Response {
    (StatusCode::NOT_FOUND, page("Nothing waits here", "<p>It was paid, or is over.</p>")).into_response()
}

fn hidden(fields: &BTreeMap<String, String>) -> String {
    let field = |(name, value): (&String, &String)| {
        format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
    };
    fields.iter().map(field).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

fn page(title: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>body{{font:1.05rem/1.6 system-ui,sans-serif;max-width:44rem;margin:8vh auto;padding:0 1rem}}\
         pre{{white-space:pre-wrap;background:#8882;padding:.6rem}}button{{font:inherit;padding:.5rem 1.4rem}}</style>\
         <h1>{title}</h1>{body}</html>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_form_brings_stays_text() {
        let fields = BTreeMap::from([("a\"b".to_owned(), "<script>'&".to_owned())]);
        assert_eq!(hidden(&fields), "<input type=\"hidden\" name=\"a&quot;b\" value=\"&lt;script&gt;&#39;&amp;\">");
    }
}
