//! Words: enums that the API writes as one JSON string each.
//!
//! serde alone would also read `{"LOST": null}` as a word, and would call `5` a mistake of syntax: a word is read from
//! a string and from nothing else, so what is wrong with it is named with its place.

/// Reads and writes an enum that derives serde's traits with `remote = "Self"`.
macro_rules! word {
    ($name:ident) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <String as serde::Deserialize>::deserialize(deserializer)?;
                $name::deserialize(serde::de::IntoDeserializer::into_deserializer(word))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $name::serialize(self, serializer)
            }
        }
    };
}

pub(crate) use word;

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use crate::domain::{priority::Priority, source::Source, status::Status};

    #[test]
    fn a_word_is_a_string_and_nothing_else() {
        assert_eq!(from_value::<Status>(json!("LOST")).unwrap(), Status::Lost);
        assert_eq!(to_value(Source::PaidAds).unwrap(), json!("PAID_ADS"));
        for nothing in [json!({ "LOST": null }), json!(5), json!(null), json!(["LOST"]), json!("lost"), json!("")] {
            assert!(from_value::<Status>(nothing.clone()).unwrap_err().is_data(), "{nothing}");
            assert!(from_value::<Source>(nothing.clone()).unwrap_err().is_data(), "{nothing}");
            assert!(from_value::<Priority>(nothing.clone()).unwrap_err().is_data(), "{nothing}");
        }
    }
}
