//! Files that the component carries as gzip, and how they are answered: as they are to whoever takes gzip, unpacked to
//! others.
//!
//! What must stay true: the two forms have two tags, since a tag names bytes (RFC 9110, 8.8.1); an instance unpacks a file
//! once, so that asking for it again and again costs no more than any other small answer.

use std::{
    collections::HashMap,
    io::Read,
    sync::{LazyLock, Mutex, PoisonError},
};

use api::Problem;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};

include!(concat!(env!("OUT_DIR"), "/packed.rs"));

/// May be kept, and is asked about before each use: an address whose content changes with the deployment.
pub(crate) const ASK_FIRST: HeaderValue = HeaderValue::from_static("public, no-cache");
/// May be kept for good: the address holds a digest of the content.
pub(crate) const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A file as `build.rs` packed it.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) name: &'static str,
    kind: &'static str,
    digest: &'static str,
    gzip: &'static [u8],
}

impl Packed {
    /// The file of a list that has the name.
    pub(crate) fn find(files: &'static [Packed], name: &str) -> Result<&'static Packed, Problem> {
        files.iter().find(|file| file.name == name).ok_or_else(Problem::route_not_found)
    }

    /// Answers with the file, or with 304 to whoever has it.
    pub(crate) fn answer(&self, sent: &HeaderMap, cache: HeaderValue) -> Result<Response, Problem> {
        let packed = takes_gzip(sent);
        let tag = if packed { format!("\"{}.gz\"", self.digest) } else { format!("\"{}\"", self.digest) };
        // Base64 between quotes is always a header value.
        let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"0\""));
        let is_known = names(sent, &tag);
        let headers = [
            (header::ETAG, tag),
            (header::CACHE_CONTROL, cache),
            (header::VARY, HeaderValue::from_static("accept-encoding")),
        ];
        if is_known {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(self.kind))];
        if packed {
            let encoding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
            return Ok((headers, kind, encoding, self.gzip).into_response());
        }
        Ok((headers, kind, self.content()?).into_response())
    }

    /// The file unpacked.
    pub(crate) fn content(&self) -> Result<Bytes, Problem> {
        static UNPACKED: LazyLock<Mutex<HashMap<&str, Bytes>>> = LazyLock::new(Mutex::default);
        let mut unpacked = UNPACKED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(content) = unpacked.get(self.digest) {
            return Ok(content.clone());
        }
        let mut content = Vec::new();
        GzDecoder::new(self.gzip).read_to_end(&mut content).map_err(Problem::internal)?;
        Ok(unpacked.entry(self.digest).insert_entry(content.into()).get().clone())
    }
}

/// Whether `Accept-Encoding` lets gzip in (RFC 9110, 12.5.3). Without the header it is not sent: whoever knows gzip says
/// so, and a person with curl wants to read.
fn takes_gzip(sent: &HeaderMap) -> bool {
    let values = sent.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut any = false;
    for coding in values.flat_map(|value| value.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let is_wanted = weight.is_none_or(|weight| weight.parse().is_ok_and(|weight: f32| weight > 0.0));
        match name.as_str() {
            "gzip" | "x-gzip" => return is_wanted,
            "*" => any = is_wanted,
            _ => {}
        }
    }
    any
}

/// Whether `If-None-Match` names the tag; weak comparison, as RFC 9110, 13.1.2 wants it.
fn names(sent: &HeaderMap, tag: &HeaderValue) -> bool {
    let tags = sent.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|sent| sent == "*" || sent.strip_prefix("W/").unwrap_or(sent).as_bytes() == tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    fn headers(name: HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().fold(HeaderMap::new(), |mut headers, value| {
            headers.append(name.clone(), HeaderValue::from_static(value));
            headers
        })
    }

    #[track_caller]
    fn check(sent: &[&'static str], wanted: bool) {
        let sent_headers = headers(header::IF_NONE_MATCH, sent);
        assert_eq!(names(&sent_headers, &HeaderValue::from_static("\"abc\"")), wanted, "{sent:?}");
    }

    #[test]
    fn compares_tags_weakly() {
        check(&["\"abc\""], true);
        check(&["W/\"abc\""], true);
        check(&["\"x\", \"abc\""], true);
        check(&["\"x\"", "\"abc\""], true);
        check(&["*"], true);
        check(&[], false);
        check(&["abc"], false);
        check(&["\"abcd\""], false);
    }

    #[track_caller]
    fn gzip(sent: &[&'static str], wanted: bool) {
        assert_eq!(takes_gzip(&headers(header::ACCEPT_ENCODING, sent)), wanted, "{sent:?}");
    }

    #[test]
    fn sends_gzip_to_whoever_takes_it() {
        gzip(&["gzip, deflate, br, zstd"], true);
        gzip(&["br;q=1.0, GZIP;q=0.5"], true);
        gzip(&["br", "x-gzip"], true);
        gzip(&["*"], true);
        gzip(&["*;q=0, gzip"], true);
        gzip(&[], false);
        gzip(&[""], false);
        gzip(&["br"], false);
        gzip(&["gzip;q=0"], false);
        gzip(&["gzip; q=0.000, *"], false);
        gzip(&["gzip;q=none"], false);
        gzip(&["identity"], false);
    }

    #[test]
    fn everything_that_is_packed_can_be_unpacked() {
        // The checksum is compared, too.
        for file in DESCRIPTIONS.iter().chain(&ASSETS) {
            assert!(!file.content().unwrap().is_empty(), "{}", file.name);
        }
    }

    /// What a browser loads for `/docs`, besides the description: the budget that ADR 0014 gives it.
    #[test]
    fn the_page_keeps_to_its_budget() {
        let packed: usize = ASSETS.iter().map(|file| file.gzip.len()).sum();
        assert!(packed <= 480_000, "{packed} bytes of gzip");
    }
}
