//! The query: unknown, repeated and malformed parameters are refused by name.
//!
//! Parameters reach their types as text, so a type reads itself from a string (`#[serde(deny_unknown_fields)]` on
//! the struct). Form bodies share the reader, for the one route that takes a form.

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;

use crate::{FieldError, Problem};

/// The parameters of the query.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parse(parts.uri.query().unwrap_or("").as_bytes()).map(Self).map_err(|error| error.in_query())
    }
}

/// Reads a form body (`application/x-www-form-urlencoded`).
pub fn parse_form<T: DeserializeOwned>(form: &[u8]) -> Result<T, Problem> {
    parse(form).map_err(|error| error.in_form())
}

/// Which field, and what is wrong with it.
struct PairError {
    field: String,
    detail: String,
    is_unknown: bool,
}

impl PairError {
    fn in_query(self) -> Problem {
        if self.is_unknown {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "unknown_parameter",
                "The route does not know a parameter",
                "A parameter of the query is unknown; `errors` names it and those that the route takes.",
            )
            .with_errors(vec![FieldError::in_query(self.field, self.detail)])
        } else {
            Problem::invalid_parameter(&self.field, self.detail)
        }
    }

    fn in_form(self) -> Problem {
        Problem::validation_failed(vec![FieldError::in_body(format!("/{}", self.field), self.detail)])
    }
}

fn parse<T: DeserializeOwned>(pairs: &[u8]) -> Result<T, PairError> {
    if let Some(field) = field_with_nul(pairs) {
        return Err(PairError { field, detail: "the NUL character cannot be stored".to_owned(), is_unknown: false });
    }
    let deserializer = serde_urlencoded::Deserializer::new(form_pairs(pairs));
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let detail = error.inner().to_string();
        // serde names the field only in its sentence for these three; the path has it for all others.
        let named = |start: &str| Some(detail.strip_prefix(start)?.split('`').next()?.to_owned());
        let unknown = named("unknown field `");
        let field = unknown.clone().or_else(|| named("duplicate field `")).or_else(|| named("missing field `"));
        PairError { field: field.unwrap_or_else(|| error.path().to_string()), is_unknown: unknown.is_some(), detail }
    })
}

fn form_pairs(pairs: &[u8]) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(pairs)
}

fn field_with_nul(pairs: &[u8]) -> Option<String> {
    form_pairs(pairs)
        .find(|(name, value)| name.contains('\0') || value.contains('\0'))
        .map(|(name, _)| name.replace('\0', "\u{fffd}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limit;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        #[serde(default)]
        limit: Limit,
        status: Option<String>,
    }

    #[track_caller]
    fn check(query: &str, code: &str, parameter: &str) {
        let problem = parse::<Filter>(query.as_bytes()).map_err(PairError::in_query).unwrap_err();
        assert_eq!((problem.code(), problem.errors()[0].parameter.as_deref()), (code, Some(parameter)), "{query}");
    }

    #[test]
    fn reads_known_parameters() {
        let filter = parse::<Filter>(b"status=NEW+x%21&limit=5").ok().unwrap();
        assert_eq!((filter.limit.rows(), filter.status.as_deref()), (5, Some("NEW x!")));
        assert_eq!(parse::<Filter>(b"").ok().unwrap().limit.rows(), 20);
    }

    #[test]
    fn refuses_by_name() {
        check("statsu=NEW", "unknown_parameter", "statsu");
        check("status=NEW&status=LOST", "invalid_parameter", "status");
        check("limit=0", "invalid_parameter", "limit");
        check("limit=101", "invalid_parameter", "limit");
        check("limit=ten", "invalid_parameter", "limit");
        check("limit=", "invalid_parameter", "limit");
        check("status=a%00b", "invalid_parameter", "status");
    }
}
