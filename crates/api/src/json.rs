//! JSON bodies: malformed, unknown and repeated fields are refused, and where they stand is named.

use axum::{body::Body, extract::FromRequest};
use bytes::Bytes;
use garde::Validate;
use http::{HeaderMap, Request, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::{BODY_BYTES_MAX, FieldError, Problem, read_body};

/// A JSON body that is valid by its type's own rules.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<S: Sync, T: DeserializeOwned + Validate<Context = ()>> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let (value, _) = read_json(&parts.headers, body).await?;
        Ok(Self(value))
    }
}

/// Reads and validates a body, and gives its bytes too.
pub(crate) async fn read_json<T>(headers: &HeaderMap, body: Body) -> Result<(T, Bytes), Problem>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    let bytes = read_json_bytes(headers, body).await?;
    let value = validated(parse_json(&bytes)?)?;
    Ok((value, bytes))
}

/// Reads a body that says it is JSON; compiled once for all types of bodies.
async fn read_json_bytes(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    if !is_json(headers) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The media type is not supported",
            "Send the body as JSON, with `Content-Type: application/json`.",
        ));
    }
    read_body(body, BODY_BYTES_MAX).await
}

/// `application/json` or `application/…+json`, with any parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    essence.is_some_and(|e| e == "application/json" || (e.starts_with("application/") && e.ends_with("+json")))
}

/// Reads JSON; what does not fit is named by its pointer.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would also read a struct from an array of its fields.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|&first| first != b'{') {
        serde_json::from_slice::<serde::de::IgnoredAny>(bytes).map_err(|error| malformed(&error))?;
        return Err(Problem::validation_failed(vec![FieldError::in_body("", "a JSON object is wanted")]));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        if error.inner().is_data() {
            Problem::validation_failed(vec![data_error(&error)])
        } else {
            malformed(error.inner())
        }
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    if holds_nul(bytes) {
        return Err(Problem::validation_failed(vec![FieldError::in_body("", "the NUL character cannot be stored")]));
    }
    Ok(value)
}

/// Checks a value by its type's own rules; all that is wrong is named at once.
pub fn validated<T: Validate<Context = ()>>(value: T) -> Result<T, Problem> {
    value.validate().map_err(|report| {
        let errors =
            report.iter().map(|(path, error)| FieldError::in_body(pointer_of(&path.to_string()), error.message()));
        let mut errors: Vec<_> = errors.collect();
        errors.sort_by(|a, b| a.pointer.cmp(&b.pointer));
        Problem::validation_failed(errors)
    })?;
    Ok(value)
}

/// `rules[0].gateways`, as the validator writes places, as a JSON pointer.
fn pointer_of(place: &str) -> String {
    place.replace('[', ".").replace(']', "").split('.').fold(String::new(), |pointer, part| pointer + "/" + part)
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "malformed_json",
        "The body is not JSON",
        format!("The body is not JSON from line {}, column {} on.", error.line(), error.column()),
    )
}

fn data_error(error: &serde_path_to_error::Error<serde_json::Error>) -> FieldError {
    let message = error.inner().to_string();
    // serde_json adds where in the text, which the pointer says better.
    let detail = message.rsplit_once(" at line ").map_or(message.as_str(), |(detail, _)| detail);
    let mut pointer = String::new();
    for segment in error.path().iter() {
        use serde_path_to_error::Segment;
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    // A missing or repeated field is named in the sentence only.
    for start in ["missing field `", "duplicate field `"] {
        if let Some(field) = detail.strip_prefix(start).and_then(|rest| rest.split('`').next())
            && !pointer.ends_with(&format!("/{field}"))
        {
            pointer.push_str(&format!("/{field}"));
        }
    }
    FieldError::in_body(pointer, detail)
}

/// Whether JSON text holds an escaped NUL: Postgres can store it neither in text nor in jsonb.
fn holds_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        match rest.get(at + 1) {
            Some(b'u') if rest.get(at + 2..at + 6) == Some(b"0000") => return true,
            _ => rest = rest.get(at + 2..).unwrap_or_default(),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, Validate)]
    struct Part {
        #[garde(range(max = 9))]
        count: u8,
    }

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct NewThing {
        #[garde(dive)]
        #[serde(default)]
        parts: Vec<Part>,
        #[garde(length(min = 2, max = 5))]
        name: String,
        #[garde(range(max = 9))]
        count: Option<u8>,
        #[garde(skip)]
        tags: Option<Vec<u8>>,
    }

    fn parse(json: &str) -> Result<NewThing, Problem> {
        validated(parse_json(json.as_bytes())?)
    }

    #[track_caller]
    fn refused(json: &str, code: &str, pointers: &[&str]) {
        let problem = parse(json).unwrap_err();
        let found: Vec<_> = problem.errors().iter().filter_map(|error| error.pointer.as_deref()).collect();
        assert_eq!((problem.code(), found.as_slice()), (code, pointers), "{json}: {:?}", problem.errors());
    }

    #[test]
    fn reads_what_is_valid() {
        let thing = parse(r#"{"name":"abc","count":3,"tags":[1]}"#).unwrap();
        assert_eq!((thing.name.as_str(), thing.count, thing.tags), ("abc", Some(3), Some(vec![1])));
        assert!(parse(r#"{"name":"\\u00"}"#).is_ok(), "an escaped backslash before u is no escape");
    }

    #[test]
    fn names_what_is_wrong_and_where() {
        refused("", "malformed_json", &[]);
        refused("{", "malformed_json", &[]);
        refused(r#"{"name":"abc"} x"#, "malformed_json", &[]);
        refused(r#"{"name":"\ud800"}"#, "malformed_json", &[]);
        refused(r#"{}"#, "validation_failed", &["/name"]);
        refused(r#"{"name":null}"#, "validation_failed", &["/name"]);
        refused(r#"{"name":"abc","nmae":1}"#, "validation_failed", &["/nmae"]);
        refused(r#"{"name":"abc","name":"abd"}"#, "validation_failed", &["/name"]);
        refused(r#"{"name":"abc","tags":[1,"x"]}"#, "validation_failed", &["/tags/1"]);
        refused(r#"{"name":"a","count":10}"#, "validation_failed", &["/count", "/name"]);
        refused(r#"{"name":"abc","parts":[{"count":1},{"count":10}]}"#, "validation_failed", &["/parts/1/count"]);
        refused(r#"{"name":"a\u0000b"}"#, "validation_failed", &[""]);
        refused(r#"["abc", 3, [1]]"#, "validation_failed", &[""]);
        refused("7", "validation_failed", &[""]);
        refused("7 x", "malformed_json", &[]);
    }

    #[test]
    fn takes_json_media_types_only() {
        let headers = |value: &'static str| HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
        assert!(is_json(&headers("application/json; charset=utf-8")));
        assert!(is_json(&headers("Application/Merge-Patch+JSON")));
        for other in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
            assert!(!is_json(&headers(other)), "{other}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
