"""Payment card numbers and IBANs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from citewell.ingest.redact.checksums import ean, luhn, mod_97_10
from citewell.ingest.redact.spans import CHECKED, SURE, Find, told_before

# As printed on cards: one run, fours, four and six and the rest; each with one kind of separator.
_CARD = re.compile(
    r"(?<![0-9A-Za-z_])(?<![0-9][.,])(?:[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5}|"
    r"[0-9]{12,19})(?![0-9A-Za-z_]|[.,][0-9])"
)
# First digits and lengths of the issuers, by their public tables (ISO/IEC 7812; Wikipedia, "Payment card number").
_ISSUERS = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    r"|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|3(?:0[0-59]|[689][0-9])[0-9]{11}"  # Diners Club
    r"|6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12}(?:[0-9]{3})?"  # Discover
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12}(?:[0-9]{3})?|(?:2131|1800)[0-9]{11}"  # JCB
    r"|62[0-9]{14,17}|(?:60|81|82)[0-9]{14}|508[0-9]{13}"  # UnionPay, RuPay
    r"|220[0-4][0-9]{12}|9792[0-9]{12}"  # Mir, Troy
    r"|(?:50(?:18|20|38)|5893|5[678][0-9]{2}|6304|6390|6759|676[1-3])[0-9]{8,15}"  # Maestro
)
_CARD_WORDS = re.compile(
    r"\b(?:card|visa|master ?card|amex|american express|maestro|diners|discover|jcb|credit|debit|kredit\w*|karte\w*|carte|tarjeta|carta|"
    r"cart[ãa]o|kaart)",
    re.IGNORECASE,
)
_DIGITS_BEFORE = re.compile(r"[0-9][ -]\Z")

# Characters of an IBAN by country: the SWIFT registry of IBAN formats.
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28, "CH": 21,
    "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18,
    "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23,
    "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27,
    "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28,
    "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{2}[0-9]{2}(?=[ \n-]?[0-9A-Za-z])")
_GROUPS = re.compile(r"(?:[ \n-]?[0-9A-Za-z]{4}){2,7}(?:[ \n-]?[0-9A-Za-z]{1,3})?")


def find_cards(text: str) -> Iterator[Find]:
    """Payment card numbers by issuer, length and Luhn's check digit, in one run or grouped as on a card."""
    for match in _CARD.finditer(text):
        digits = re.sub("[ -]", "", match.group())
        if not luhn(digits):
            continue
        told = told_before(text, match.start(), _CARD_WORDS)
        if not _ISSUERS.fullmatch(digits) and not (told and digits[0] in "23456" and len(digits) > 13):
            continue
        # A bar code can pass for a short number of Visa, and a row of figures for one in groups.
        bar_code = len(digits) == 13 and ean(digits)
        figures = " " in match.group() and _DIGITS_BEFORE.search(text, max(0, match.start() - 2), match.start())
        if told or not (bar_code or figures):
            yield Find(match.start(), match.end(), "card", CHECKED if told or len(digits) > 13 else SURE)


def find_ibans(text: str) -> Iterator[Find]:
    """IBANs by their country's length and the check of ISO 13616, in one run or in fours."""
    for match in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(match.group()[:2].upper())
        end = length and _end(text, match.start(), length)
        if end:
            yield Find(match.start(), end, "iban", CHECKED)


def _end(text: str, start: int, length: int) -> int:
    """Where an IBAN of so many characters that begins at `start` ends; 0 when there is none."""
    groups = _GROUPS.match(text, start + 4)
    if groups is None:
        return 0
    at, seen = start, list[str]()
    while at < groups.end() and len(seen) < length:
        if text[at].isalnum():
            seen.append(text[at])
        at += 1
    whole = len(seen) == length and not text[at : at + 1].isalnum()
    return at if whole and mod_97_10("".join(seen)) else 0
