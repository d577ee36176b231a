//! Phone numbers as people write them. Nothing is reformatted: which country's habits a number follows is not known.

const DIGITS_MIN: usize = 3;

/// Whether the text is `+`, digits, spaces and `( ) - . /`, then an extension if there is one (`x`, `ext`, `ext.` or
/// `#`, and digits). Its length is checked elsewhere.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let (number, extension) = match text.find(['x', 'X', 'e', 'E', '#']) {
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    };
    let number = number.strip_prefix('+').unwrap_or(number);
    let digits = number.chars().filter(char::is_ascii_digit).count();
    let is_number = number.chars().all(|c| c.is_ascii_digit() || " ()-./".contains(c));
    if digits >= DIGITS_MIN && is_number && extension.is_none_or(is_extension) {
        Ok(())
    } else {
        Err("a phone number is wanted: + and digits, with spaces and ( ) - . / between, and an extension such as x123"
            .to_owned())
    }
}

fn is_extension(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["ext.", "ext", "x", "#"].iter().any(|start| {
        text.strip_prefix(start).is_some_and(|number| {
            let number = number.trim();
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_people_write() {
        for phone in [
            "+44 20 7946 0958",
            "(555) 123-4567",
            "555.123.4567",
            "0171/234567",
            "112",
            "+1-555-123-4567x89",
            "555-123-4567 ext. 12",
            "5551234567 #12",
            "+91 98765 43210",
            "555 1234 EXT 5",
        ] {
            assert_eq!(check(phone), Ok(()), "{phone}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for other in [
            "",
            "12",
            "phone",
            "555-CALL-NOW",
            "555 1234 x",
            "555 1234 ext",
            "44+20 7946",
            "x123",
            "٠١٢٣٤",
            "5551234\n",
            "555 1234; 555 1235",
        ] {
            assert!(check(other).is_err(), "{other}");
        }
    }
}
