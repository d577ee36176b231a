//! The fixture component of ADR 0001's measurement: four operations on leads, each in the three forms that a unit of
//! work could have, and the floor of any route with a database.
//!
//! - `GET /{form}/{operation}`: form `a` (an SQL function for each unit), `b` (one generic SQL function that runs the
//!   store's text) or `c` (two calls, rows decoded here); operation `list`, `read`, `update` or `create`
//! - `GET /floor`: one `select 1`
//!
//! What must stay true: the forms differ in nothing but the form. All of them open one connection, check the same
//! session, read and write the same columns, build the same [`lead::Lead`] and answer the same JSON (`run` compares
//! the answers before it measures). Never deployed: it knows its caller by heart.

mod connection;
mod form_a;
mod form_b;
mod form_c;
mod lead;

use std::sync::LazyLock;

use axum::{
    Json, Router,
    body::Body,
    extract::Path,
    http::{Response, StatusCode},
    response::IntoResponse,
    routing::get,
};
use send_wrapper::SendWrapper;
use serde::Deserialize;
use spin_sdk::http::{Error, Request};
use tower_service::Service as _;

use crate::{
    connection::{Failure, connect},
    lead::Lead,
};

/// How many leads a list has.
const LIST_ROWS: u8 = 20;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    A,
    B,
    C,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operation {
    List,
    Read,
    Update,
    Create,
}

static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    Router::new()
        .route("/floor", get(floor))
        .route("/{form}/{operation}", get(operate))
        .route("/read-first/{form}", get(read_first))
});

/// Answers one request.
pub async fn answer(request: Request) -> Result<Response<Body>, Error> {
    Ok(ROUTER.clone().call(request).await?)
}

/// The least that a route with a database does.
async fn floor() -> Result<Json<i32>, Failure> {
    SendWrapper::new(async { connect().await?.select_one().await.map(Json) }).await
}

/// Reads always the same lead, so that the forms' answers can be compared.
async fn read_first(Path(form): Path<Form>) -> Result<Json<Lead>, Failure> {
    SendWrapper::new(async move { read(form, lead::planted(0)).await.map(Json) }).await
}

async fn operate(Path((form, operation)): Path<(Form, Operation)>) -> Result<Response<Body>, Failure> {
    SendWrapper::new(async move {
        Ok(match operation {
            Operation::List => Json(list(form).await?).into_response(),
            Operation::Read => Json(read(form, lead::any_planted()).await?).into_response(),
            Operation::Update => match update(form).await? {
                Some(lead) => Json(lead).into_response(),
                None => StatusCode::CONFLICT.into_response(),
            },
            Operation::Create => Json(create(form).await?).into_response(),
        })
    })
    .await
}

async fn list(form: Form) -> Result<Vec<Lead>, Failure> {
    let connection = connect().await?;
    match form {
        Form::A => form_a::list(&connection, LIST_ROWS).await,
        Form::B => form_b::list(&connection, LIST_ROWS).await,
        Form::C => form_c::list(&form_c::enter(&connection).await?, LIST_ROWS).await,
    }
}

async fn read(form: Form, id: uuid::Uuid) -> Result<Lead, Failure> {
    let connection = connect().await?;
    let lead = match form {
        Form::A => form_a::find(&connection, id).await,
        Form::B => form_b::find(&connection, id).await,
        Form::C => form_c::find(&form_c::enter(&connection).await?, id).await,
    };
    lead?.ok_or(Failure("no such lead".to_owned()))
}

/// Reads and writes, as the product's PATCH does, because the domain decides in between; `None` where somebody else
/// was faster.
async fn update(form: Form) -> Result<Option<Lead>, Failure> {
    let connection = connect().await?;
    let id = lead::any_planted();
    let missing = || Failure("no such lead".to_owned());
    match form {
        Form::A => {
            let lead = form_a::find(&connection, id).await?.ok_or_else(missing)?;
            form_a::update(&connection, &lead.touched()).await
        }
        Form::B => {
            let lead = form_b::find(&connection, id).await?.ok_or_else(missing)?;
            form_b::update(&connection, &lead.touched()).await
        }
        Form::C => {
            let entered = form_c::enter(&connection).await?;
            let lead = form_c::find(&entered, id).await?.ok_or_else(missing)?;
            form_c::update(&entered, &lead.touched()).await
        }
    }
}

async fn create(form: Form) -> Result<Lead, Failure> {
    let lead = Lead::sample();
    let connection = connect().await?;
    match form {
        Form::A => form_a::create(&connection, &lead).await,
        Form::B => form_b::create(&connection, &lead).await,
        Form::C => form_c::create(&form_c::enter(&connection).await?, &lead).await,
    }
}

#[cfg(target_arch = "wasm32")]
#[spin_sdk::http_service]
async fn handle(request: Request) -> impl spin_sdk::http::IntoResponse {
    answer(request).await
}
