//! The name of a tenant, and the slug that is made of it.

use email::EmailAddress;
use ids::TenantId;
use unicode_normalization::UnicodeNormalization;

/// The longest name.
pub(crate) const CHARS_MAX: usize = 100;
/// Leaves room for the suffix of a slug that is taken; 63 is what a DNS label holds.
const SLUG_CHARS_MAX: usize = 48;
/// How many of an id's characters make a slug its tenant's own: 40 random bits.
const SUFFIX_CHARS: usize = 8;

/// A name with its slugs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TenantName {
    /// As people read it.
    pub(crate) name: String,
    /// As URLs and log-in scopes write it.
    pub(crate) slug: String,
    /// The slug for when somebody else has it.
    pub(crate) slug_if_taken: String,
}

impl TenantName {
    /// The name that was asked for, or else the person's own: the part of the address before the `@`.
    pub(crate) fn new(asked: Option<&str>, owner: &EmailAddress, id: TenantId) -> Self {
        Self::of(asked.unwrap_or_else(|| owner.local_part()), id)
    }

    /// A name with its slugs, whatever the text is.
    pub(crate) fn of(name: &str, id: TenantId) -> Self {
        let name = normalised(name);
        let slug = slug(&name);
        let id = id.to_string();
        // The end of a UUIDv7 is its random part.
        let suffix = id.get(id.len() - SUFFIX_CHARS..).unwrap_or_default();
        Self { slug_if_taken: format!("{slug}-{suffix}"), name, slug }
    }
}

/// The name as it is kept.
pub(crate) fn normalised(name: &str) -> String {
    name.trim().nfc().filter(|c| !c.is_control()).take(CHARS_MAX).collect()
}

/// Lower-case letters and digits of ASCII, with single hyphens between; accents are dropped.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.nfkd().flat_map(char::to_lowercase) {
        if slug.len() >= SLUG_CHARS_MAX {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') && !is_mark(c) {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "tenant".to_owned() } else { slug.to_owned() }
}

/// A combining accent, which belongs to the letter before it.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slugs_read_like_their_names() {
        for (name, wanted) in [
            ("Analytical Engines", "analytical-engines"),
            ("  Café  Zürich & Söhne!  ", "cafe-zurich-sohne"),
            ("--a--b--", "a-b"),
            ("日本", "tenant"),
            ("", "tenant"),
        ] {
            assert_eq!(slug(name), wanted, "{name}");
        }
    }

    #[test]
    fn a_tenant_without_a_name_is_named_after_the_person() {
        let owner = EmailAddress::parse("Ada.Lovelace@example.com").unwrap();
        let id: TenantId = "ten_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let name = TenantName::new(None, &owner, id);
        assert_eq!((name.name.as_str(), name.slug.as_str()), ("Ada.Lovelace", "ada-lovelace"));
        assert_eq!(name.slug_if_taken, "ada-lovelace-84sn02q".replace("84sn02q", "084sn02q"));
        assert_eq!(TenantName::new(Some(" Engines "), &owner, id).name, "Engines");
    }

    proptest! {
        /// What the table's CHECK wants of a slug.
        #[test]
        fn every_slug_fits_the_table(name in "\\PC{0,150}") {
            let owner = EmailAddress::parse("ada@example.com").unwrap();
            let made = TenantName::new(Some(&name), &owner, TenantId::new());
            for slug in [made.slug, made.slug_if_taken] {
                prop_assert!((1..=63).contains(&slug.len()));
                prop_assert!(slug.split('-').all(|part| !part.is_empty()
                    && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())), "{}", slug);
            }
        }
    }
}
