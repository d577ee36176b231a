"""Texts that people enter, and their rules: crates/email and text, phone, website, country of components/crm."""

import re
import unicodedata
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator

# Unicode's White_Space; str.strip() alone would also drop U+001C to U+001F.
_WHITE = (
    "\t\n\v\f\r \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_BREAK = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NO_NOTE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ASCII_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]*[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]*[A-Za-z0-9])?)+\Z"
)
_ATOM_CHARACTERS = frozenset("!#$%&'*+-/=?^_`{|}~")
_EMAIL_BYTES_MAX = 254
_EMAIL_WANTED = "an email address such as ada@example.com is wanted"


def trim(text: str) -> str:
    return text.strip(_WHITE)


def email_key(text: str) -> str:
    """The form in which addresses are compared; a text that is longer than any address is nobody's."""
    if len(text.encode()) > _EMAIL_BYTES_MAX:
        return ""
    return unicodedata.normalize("NFKC", trim(text)).lower()


def _is_atom(text: str) -> bool:
    return text != "" and all(c.isalnum() or c in _ATOM_CHARACTERS for c in text)


def parse_email(text: str) -> str:
    """An address as it was written, without white space around it; ValueError for what is none."""
    text = trim(text)
    if not text.isascii():
        if len(text.encode()) > _EMAIL_BYTES_MAX:
            raise ValueError(_EMAIL_WANTED)
        text = unicodedata.normalize("NFC", text)
        if unicodedata.normalize("NFKC", text) != text or not _is_unicode_email(text):
            raise ValueError(_EMAIL_WANTED)
    elif not _ASCII_EMAIL.match(text):
        raise ValueError(_EMAIL_WANTED)
    local, _, domain = text.rpartition("@")
    long_label = any(len(label.encode()) > 63 for label in domain.split("."))
    if len(text.encode()) > _EMAIL_BYTES_MAX or len(local.encode()) > 64 or long_label:
        raise ValueError(_EMAIL_WANTED)
    return text


def _is_unicode_email(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    labels = domain.split(".")
    return (
        all(_is_atom(atom) for atom in local.split("."))
        and len(labels) >= 2
        and all(_is_atom(label) and label[0].isalnum() and label[-1].isalnum() for label in labels)
    )


def _text(chars_max: int, check: Callable[[str], None]) -> AfterValidator:
    def validate(text: str) -> str:
        text = trim(text)
        if not text:
            raise ValueError("must not be blank: leave it out, or give null if it is optional")
        if len(text) > chars_max:
            raise ValueError(f"has {len(text)} characters; {chars_max} are the most")
        check(text)
        return text

    return AfterValidator(validate)


def _line(text: str) -> None:
    if _BREAK.search(text):
        raise ValueError("must not hold line breaks or other control characters")


def _lines(text: str) -> None:
    if _NO_NOTE.search(text.replace("\r\n", "\n")):
        raise ValueError("must not hold control characters but line breaks and tabs")


def _email(text: str) -> None:
    parse_email(text)


_PHONE = re.compile(r"\+?(?P<number>[0-9 ()./-]*)(?:(?:ext\.?|x|#)\s*[0-9]+\s*)?\Z", re.IGNORECASE | re.ASCII)


def _phone(text: str) -> None:
    match = _PHONE.match(text)
    if not match or sum(c in "0123456789" for c in match["number"]) < 3:
        raise ValueError(
            "a phone number is wanted: + and digits, with spaces and ( ) - . / between, and an extension such as x123"
        )


_WEBSITE = re.compile(r"https?://([^/?#:]*)(?::([0-9]+))?(?:[/?#].*)?\Z", re.IGNORECASE | re.DOTALL)
_NOT_IN_A_URL = re.compile(r"[\s\"<>\\^`{|}]")


def _is_domain_name(host: str) -> bool:
    host = host.removesuffix(".")
    labels = host.split(".")
    return (
        len(host.encode()) <= 253
        and len(labels) >= 2
        and all(
            1 <= len(label.encode()) <= 63
            and label[0] != "-"
            and label[-1] != "-"
            and label.replace("-", "a").isalnum()
            for label in labels
        )
        and not (labels[-1].isascii() and labels[-1].isdigit())
    )


def _website(text: str) -> None:
    match = _WEBSITE.match(text)
    port_fits = match is not None and (match[2] is None or 0 < int(match[2][:20]) < 65536)
    if not match or not port_fits or not _is_domain_name(match[1]) or _NOT_IN_A_URL.search(text):
        raise ValueError("a web address such as https://example.com is wanted")


_COUNTRIES = frozenset(
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA "
    "CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA "
    "GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP "
    "KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS "
    "MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS "
    "RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW "
    "TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW".split()
)


def _country(text: str) -> None:
    if text not in _COUNTRIES:
        raise ValueError("a country's code of two upper-case letters is wanted (ISO 3166-1 alpha-2), such as GB")


Email = Annotated[str, _text(254, _email)]
PersonName = Annotated[str, _text(100, _line)]
CompanyName = Annotated[str, _text(200, _line)]
JobTitle = Annotated[str, _text(200, _line)]
Phone = Annotated[str, _text(32, _phone)]
Website = Annotated[str, _text(500, _website)]
Country = Annotated[str, _text(2, _country)]
Notes = Annotated[str, _text(10_000, _lines)]
