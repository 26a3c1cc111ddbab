"""Numbers by which a state knows a person: each by its form, its check digits, and a word before it where those are too weak."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from citewell.ingest.redact.checksums import cpf, ean, mod_11_10, resident, verhoeff, weighed
from citewell.ingest.redact.spans import CHECKED, SURE, Find, told_before

_SEPARATORS = re.compile("[ \n./-]")
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_FISCAL_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            2,
            4,
            18,
            20,
            11,
            3,
            6,
            8,
            12,
            14,
            16,
            10,
            22,
            25,
            24,
            23,
        ),
        strict=True,
    )
)  # decree of the Italian ministry of finance, 23 December 1976, on the characters in odd places


def _is_ssn(text: str) -> bool:
    return text[:3] not in {"000", "666"} and text[0] != "9" and text[3:5] != "00" and text[5:] != "0000"


def _is_nino(text: str) -> bool:
    return text[:2].upper() not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}


def _is_nhs(text: str) -> bool:
    return str((11 - weighed(text[:9], range(10, 1, -1)) % 11) % 11) == text[9]


def _is_steuer_id(text: str) -> bool:
    """Of the first ten digits one stands twice or three times, the others at most once."""
    counts = sorted((text[:10].count(digit) for digit in set(text[:10])), reverse=True)
    return text[0] != "0" and counts[0] in {2, 3} and all(count == 1 for count in counts[1:]) and mod_11_10(text)


def _is_ausweis(text: str) -> bool:
    """Weights 7, 3, 1 over nine characters, letters as 10 to 35: ICAO 9303."""
    values = [int(character, 36) for character in text[:9]]
    return str(sum(value * (7, 3, 1)[at % 3] for at, value in enumerate(values)) % 10) == text[9]


def _is_nir(text: str) -> bool:
    """97 minus the remainder of the first thirteen; Corsica's 2A and 2B count as 19 and 18."""
    digits = text[:13].upper().replace("2A", "19").replace("2B", "18")
    return 97 - int(digits) % 97 == int(text[13:])


def _is_dni(text: str) -> bool:
    digits = str("XYZ".find(text[0].upper())) + text[1:8] if text[0].isalpha() else text[:8]
    return _DNI_LETTERS[int(digits) % 23] == text[8].upper()


def _is_fiscal(text: str) -> bool:
    letters = text.upper()
    even = sum(int(c) if c.isdecimal() else ord(c) - ord("A") for c in letters[1:15:2])
    return chr((sum(_FISCAL_ODD[c] for c in letters[:15:2]) + even) % 26 + ord("A")) == letters[15]


def _is_bsn(text: str) -> bool:
    return weighed(text, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and len(set(text)) > 1


def _is_belgian(text: str) -> bool:
    """97 minus the remainder of nine digits, with a 2 before them for those born from 2000 on."""
    dated = int(text[2:4]) % 20 <= 12 and int(text[4:6]) <= 31
    return dated and any(97 - int(century + text[:9]) % 97 == int(text[9:]) for century in ("", "2"))


def _is_aadhaar(text: str) -> bool:
    years = all(text[at : at + 2] in {"18", "19", "20"} for at in (0, 4, 8))
    return not years and verhoeff(text)


@dataclass(frozen=True, slots=True)
class Form:
    """How a number is written, its check, and the words of which one must stand before it."""

    pattern: re.Pattern[str]
    check: Callable[[str], bool]
    words: re.Pattern[str] | None = None


def _form(pattern: str, check: Callable[[str], bool], words: str = "") -> Form:
    alone = rf"(?<![0-9A-Za-z_])(?<![0-9][.,-])(?:{pattern})(?![0-9A-Za-z_]|[.,-][0-9])"
    return Form(re.compile(alone), check, re.compile(words, re.IGNORECASE) if words else None)


FORMS = {
    "us_ssn": _form(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", _is_ssn),
    "us_ssn_spaced": _form(r"[0-9]{3} [0-9]{2} [0-9]{4}", _is_ssn, r"\bSSN\b|social security"),
    "uk_nino": _form(
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?P<nino>[ -]?)[0-9]{2}(?P=nino)[0-9]{2}(?P=nino)[0-9]{2}(?P=nino)[A-D]",
        _is_nino,
    ),
    "uk_nhs": _form(
        r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}", _is_nhs, r"\bNHS\b|\bhealth (?:service )?(?:no|number|id)\b"
    ),
    "de_steuer_id": _form(r"[1-9][0-9]{10}|[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}", _is_steuer_id),
    "de_ausweis": _form(
        r"[0-9CFGHJKLMNPRTVWXYZ]{9} ?[0-9]", _is_ausweis, r"ausweis|\bID[- ]card|\bidentity card|\bpassport|\breisepass"
    ),
    "fr_nir": _form(
        r"[1-478] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[ABab]) ?[0-9]{3} ?[0-9]{3} ?[ -]?[0-9]{2}",
        _is_nir,
    ),
    "es_dni": _form(
        r"(?:[0-9]{8}|[0-9]{2}\.[0-9]{3}\.[0-9]{3}|[XYZxyz]-?[0-9]{7})-?[A-HJ-NP-TV-Za-hj-np-tv-z]", _is_dni
    ),
    "it_fiscale": _form(
        r"(?i:[A-Z]{3} ?[A-Z]{3} ?[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2} ?[A-Z][0-9LMNP-V]{3}[A-Z])", _is_fiscal
    ),
    "nl_bsn": _form(
        r"[0-9]{9}|[0-9]{3}[ .][0-9]{3}[ .][0-9]{3}|[0-9]{4}[ .][0-9]{2}[ .][0-9]{3}",
        _is_bsn,
        r"\bBSN\b|burgerservicen|sofi-?n|citizen service n|persoonsnummer",
    ),
    "be_national": _form(
        r"[0-9]{2}[0-7][0-9][0-3][0-9] ?[0-9]{3} ?[0-9]{2}|[0-9]{2}\.[0-7][0-9]\.[0-3][0-9][- ][0-9]{3}\.[0-9]{2}",
        _is_belgian,
    ),
    "ch_ahv": _form(r"756(?P<ahv>[ .]?)[0-9]{4}(?P=ahv)[0-9]{4}(?P=ahv)[0-9]{2}", ean),
    "br_cpf": _form(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}|[0-9]{9}-?[0-9]{2}", cpf),
    "in_aadhaar": _form(r"(?<![0-9] )[2-9][0-9]{3}(?P<uid>[ -])[0-9]{4}(?P=uid)[0-9]{4}(?! [0-9])", _is_aadhaar),
    "cn_resident": _form(
        r"[1-8][0-9]{5}(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]", resident
    ),
}


# Where one of them may begin: at a letter or digit with a digit close behind.
_START = re.compile(r"(?<![0-9A-Za-z_])[0-9A-Za-z](?=[0-9A-Za-z .-]{0,12}[0-9])")


def find_national_ids(text: str) -> Iterator[Find]:
    """The numbers of FORMS that lie in `text`."""
    for start in (match.start() for match in _START.finditer(text)):
        for form in FORMS.values():
            match = form.pattern.match(text, start)
            if match and form.check(_SEPARATORS.sub("", match.group())) and _is_told(form, text, start):
                yield Find(start, match.end(), "national_id", SURE if form.check is _is_nino else CHECKED)


def _is_told(form: Form, text: str, start: int) -> bool:
    return form.words is None or told_before(text, start, form.words)
