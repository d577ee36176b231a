//! Lists: `?limit=` and an opaque `?cursor=`, answered as `{ "data": […], "next_cursor": … }`.
//!
//! A cursor is the key of the last row shown, in base64; it names no tenant and grants nothing, so it is not signed:
//! a made-up one can only start the caller's own list somewhere else.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error},
};

use crate::Problem;

/// A page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Give it as `cursor` to go on; null on the last page.
    #[schema(example = "eyJpZCI6ImxlZF8wMWg0NTUifQ", required)]
    pub next_cursor: Option<String>,
}

/// How many rows a page has at most: 1 to 100, by default 20.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Limit(u8);

impl Limit {
    /// The number.
    pub fn rows(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse() {
            Ok(rows @ 1..=100) => Ok(Self(rows)),
            _ => Err(D::Error::custom("a whole number from 1 to 100 is wanted")),
        }
    }
}

/// Writes a cursor.
pub fn encode_cursor(key: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

/// Reads a cursor that [`encode_cursor`] wrote for the same list.
pub fn decode_cursor<T: DeserializeOwned>(cursor: &str) -> Result<T, Problem> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| Problem::invalid_parameter("cursor", "give the `next_cursor` of the page before, unchanged"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_a_made_up_one_is_refused() {
        let key = ("score".to_owned(), 80, "id".to_owned());
        assert_eq!(decode_cursor::<(String, i64, String)>(&encode_cursor(&key)).unwrap(), key);
        for made_up in ["", "%%%", "bm9uZQ", &encode_cursor(&("score", "not a number", "id"))] {
            let problem = decode_cursor::<(String, i64, String)>(made_up).unwrap_err();
            assert_eq!((problem.code(), problem.errors().len()), ("invalid_parameter", 1), "{made_up}");
        }
    }
}
