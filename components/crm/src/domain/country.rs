//! Countries, as ISO 3166-1 lists them (alpha-2), and XK for Kosovo, which is a user-assigned code in wide use.

const CODES: &str = "\
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC \
CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD \
GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH \
KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW \
MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC \
SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY \
UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

/// Whether the text is the code of a country.
pub(crate) fn check(text: &str) -> Result<(), String> {
    if text.len() == 2 && CODES.split(' ').any(|code| code == text) {
        Ok(())
    } else {
        Err("a country's code of two upper-case letters is wanted (ISO 3166-1 alpha-2), such as GB".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_complete_and_sorted() {
        let codes: Vec<_> = CODES.split(' ').collect();
        assert_eq!(codes.len(), 249 + 1);
        assert!(codes.is_sorted_by(|a, b| a < b));
        assert!(codes.iter().all(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())));
    }

    #[test]
    fn takes_codes_only() {
        for country in ["GB", "IN", "US", "ZW"] {
            assert_eq!(check(country), Ok(()), "{country}");
        }
        for other in ["", "gb", "UK", "ZZ", "GBR", "G", "D ", "AD AE", "É"] {
            assert!(check(other).is_err(), "{other}");
        }
    }
}
