"""Phone numbers: with a country code anywhere, without one by the countries asked for, and any after a word such as "Phone:".

The library `phonenumbers` knows every country's numbers; what stands in front of it here keeps figures, dates and article numbers away from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from phonenumbers import SUPPORTED_REGIONS, Leniency, PhoneMetadata, PhoneNumberMatcher

from citewell.ingest.redact.checksums import isbn
from citewell.ingest.redact.phone_words import NUMBER_OF_A_THING, PHONE_AFTER, PHONE_BEFORE, REACH, SAID_BEFORE
from citewell.ingest.redact.spans import BLANK, CHECKED, LIKELY, SURE, Find

# Countries whose numbers are looked for by the document's language, where the settings name none; English when the language is unknown.
REGIONS_BY_LANGUAGE = {
    "ar": ("EG", "SA", "AE"), "bg": ("BG",), "cs": ("CZ",), "da": ("DK",), "de": ("DE", "AT", "CH"), "el": ("GR", "CY"),
    "en": ("US", "GB"), "es": ("ES", "MX", "AR"), "et": ("EE",), "fi": ("FI",), "fr": ("FR", "BE", "CH"), "ga": ("IE",), "he": ("IL",),
    "hi": ("IN",), "hr": ("HR",), "hu": ("HU",), "id": ("ID",), "it": ("IT", "CH"), "ja": ("JP",), "ko": ("KR",), "lt": ("LT",),
    "lv": ("LV",), "nl": ("NL", "BE"), "no": ("NO",), "pl": ("PL",), "pt": ("PT", "BR"), "ro": ("RO",), "ru": ("RU",), "sk": ("SK",),
    "sl": ("SI",), "sr": ("RS",), "sv": ("SE", "FI"), "th": ("TH",), "tr": ("TR",), "uk": ("UA",), "vi": ("VN",),
    "zh": ("CN", "TW", "HK"),
}  # fmt: skip
KNOWN_REGIONS = frozenset(SUPPORTED_REGIONS)

MIN_DIGITS, MAX_DIGITS = 7, 15  # ITU-T E.164 allows fifteen; shorter ones are services, not people
MAX_GROUPS = 9  # +33 (0)6 12 34 56 78 has seven; longer runs are rows of figures
MAX_TRIES = 8  # of the library within one run of figures

_DIGIT_DATE = r"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}"
_OTHERS = re.compile(
    r"\b(?:https?://|www\.)[^\s<>\"]+"
    r"|\b10\.[0-9]{4,9}/\S+"  # DOI
    r"|(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9]|\.[0-9])"  # IPv4
    rf"|(?<![0-9./-]){_DIGIT_DATE}(?:[T ][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}})?)?(?![0-9]|[./-][0-9])"
    r"|\b(?:ISBN|ISSN|PMID|PMCID|DOI|EAN|GTIN)(?:-?1[03])?\)?[:#]? ?[0-9Xx -]{7,17}"
    r"|(?<![0-9A-Za-z-])(?:97[89][- ]?)?[0-9]{1,5}[- ][0-9]{1,7}[- ][0-9]{1,7}[- ][0-9Xx](?![0-9A-Za-z]|-[0-9])",  # ISBN, if it is one
    re.IGNORECASE,
)
_IPV4 = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}")
_GROUPED_ISBN = re.compile(r"[0-9]+[- ](?:[0-9]+[- ]){2,3}[0-9Xx]")
_ANY = re.compile(r"[0-9](?:[ ().\-/]{0,3}[0-9]){6}")
_RUN = re.compile(r"(?<![0-9A-Za-z\u00c0-\u024f_])(?:\(?\+ ?|\()?[0-9]{1,17}(?:[ ().\-/]{1,3}[0-9]{1,17})*(?![0-9])")
_EXTENSION = re.compile(r" ?(?:x|ext\.?|extension|Durchwahl|Dw\.?|poste|#) ?[0-9]{1,6}(?![0-9A-Za-z])", re.IGNORECASE)
_BREAKS = re.compile(r" {2,}| ?/ ?(?=[+(0])| - | (?=\()")
_GROUP = re.compile("[0-9]+")
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(?:[ .][0-9]{3})+")
_NO_SPACE = re.compile(r"[().\-/+]")
_YEAR = re.compile(r"(?:1[5-9]|20)[0-9]{2}")
# Signs beside a number that make it a figure, a place in a file, or a part of something else.
_SIGN_BEFORE = re.compile(r"[$€£¥#=<>≤≥±×÷*_/\\%&@^~.,:;-]\Z")
_SIGN_AFTER = re.compile(r" ?[%$€£¥°×±=]|[_*/\\@^~]|[,:][0-9]")
_COLON = re.compile(r"[^\W\d_]: ?\Z")


@dataclass(frozen=True, slots=True)
class Run:
    """A run of digits and separators in a text, and the words on either side of it."""

    text: str
    start: int
    end: int

    @property
    def written(self) -> str:
        """The run as it is written."""
        return self.text[self.start : self.end]

    @property
    def groups(self) -> list[str]:
        """Its digits by group."""
        return _GROUP.findall(self.written)

    @property
    def n_digits(self) -> int:
        """How many digits it has."""
        return sum(map(len, self.groups))

    @property
    def before(self) -> str:
        """The characters before it, back to the last thing redacted."""
        return self.text[max(0, self.start - REACH) : self.start].rpartition(BLANK)[2]

    @property
    def after(self) -> str:
        """The characters after it."""
        return self.text[self.end : self.end + REACH].partition(BLANK)[0]


def regions_for(language: str) -> tuple[str, ...]:
    """The countries whose numbers are looked for in a document of this language."""
    return REGIONS_BY_LANGUAGE.get(language, REGIONS_BY_LANGUAGE["en"])


def find_phones(text: str, regions: Sequence[str]) -> Iterator[Find]:
    """Phone numbers in `text`, those without a country code by the rules of `regions`."""
    if not _ANY.search(text):
        return
    seen = _OTHERS.sub(_hidden, text)
    for match in _RUN.finditer(seen):
        for run in _parts(Run(seen, match.start(), match.end())):
            if run.n_digits >= MIN_DIGITS and len(run.groups) <= MAX_GROUPS and not _is_figure(run):
                yield from _in_run(run, regions)


def _hidden(match: re.Match[str]) -> str:
    """Nothing of what is no phone number; what only looks like a book's number or an IP address stays."""
    found = match.group()
    if _IPV4.fullmatch(found) and any(int(part) > 255 for part in found.split(".")):
        return found
    if _GROUPED_ISBN.fullmatch(found) and not isbn(re.sub("[- ]", "", found)):
        return found
    return BLANK * len(found)


def _parts(run: Run) -> Iterator[Run]:
    """The run, or its parts between wide gaps when it is longer than a phone number."""
    if run.n_digits <= MAX_DIGITS:
        yield run
        return
    at = run.start
    for gap in [*_BREAKS.finditer(run.text, run.start, run.end), None]:
        end = gap.start() if gap else run.end
        if end > at:
            yield Run(run.text, at, end)
        at = gap.end() if gap else end


def _is_figure(run: Run) -> bool:
    """Whether it is a row of years or ranges, or a decimal number."""
    if all(_YEAR.fullmatch(group) for group in run.groups):
        return True
    return len(run.groups) == 2 and "." in run.written and not run.written.startswith("0") and " " not in run.written


def _in_run(run: Run, regions: Sequence[str]) -> Iterator[Find]:
    """What of a run is a phone number: all of it after a word that says so, else what the library knows."""
    said = _said(run)
    if said and run.n_digits <= MAX_DIGITS:
        yield _find(run, run.start, run.end, SURE)
        return
    if "+" in run.written[:3] or (run.written.startswith("00") and run.n_digits >= 10):
        yield from _international(run)
        return
    if not said and not _may_be_national(run):
        return
    for region in regions:
        found = list(_library(run, region, Leniency.VALID if said else Leniency.STRICT_GROUPING))
        if found:
            yield from (_find(run, start, end, SURE if said else LIKELY) for start, end in found)
            return


def _said(run: Run) -> bool:
    """Whether a word before or after says that it is a phone number, and its own form does not speak against it."""
    if PHONE_BEFORE.search(run.before):
        return True
    likely = len(run.groups) > 1 or run.n_digits >= 9
    if _THOUSANDS.fullmatch(run.written) or not likely:
        return False
    figure = _SIGN_BEFORE.search(run.before) and not _COLON.search(run.before)
    return bool(PHONE_AFTER.match(run.after) or (SAID_BEFORE.search(run.before) and not figure))


def _international(run: Run) -> Iterator[Find]:
    """A number with a country code; the whole when only the number within the country is not known to be given out."""
    written = re.sub(r"\A00", "+", run.written)
    for leniency, certainty in ((Leniency.VALID, CHECKED), (Leniency.POSSIBLE, LIKELY)):
        if certainty == LIKELY and (
            not run.written.lstrip(" (").startswith("+") or len(run.groups) < 2 or run.n_digits < 9
        ):
            return
        shift = len(run.written) - len(written)
        found = [
            (max(run.start, run.start + m.start + shift), run.start + m.end + shift)
            for m in PhoneNumberMatcher(written, None, leniency=leniency, max_tries=MAX_TRIES)
        ]
        if found:
            yield from (
                _find(run, run.start if shift and start == run.start + shift else start, end, certainty)
                for start, end in found
            )
            return


def _may_be_national(run: Run) -> bool:
    """Whether a run that no word announces looks like a number within a country, and like nothing else."""
    written = run.written
    if NUMBER_OF_A_THING.search(run.before) or _SIGN_AFTER.match(run.after):
        return False
    if _SIGN_BEFORE.search(run.before) and not _COLON.search(run.before):
        return False
    if len(run.groups) == 1:
        return written.startswith("0") and run.n_digits in {10, 11}
    return not _THOUSANDS.fullmatch(written) and run.n_digits >= 9


def _library(run: Run, region: str, leniency: int) -> Iterator[tuple[int, int]]:
    """Where the library finds a number in a run; a number written with spaces only counts when it is all of the run."""
    window, shift = run.text[max(0, run.start - 1) : run.end + 1], max(0, run.start - 1)
    if not _NO_SPACE.search(run.written) and run.n_digits not in _lengths(region):
        return
    tries = MAX_TRIES if _NO_SPACE.search(run.written) else 1
    for match in PhoneNumberMatcher(window, region, leniency=leniency, max_tries=tries):
        start, end = shift + match.start, shift + match.end
        whole = start <= run.start + 1 and end >= run.end
        if whole or _NO_SPACE.search(match.raw_string):
            yield start, end


@lru_cache(maxsize=256)
def _lengths(region: str) -> frozenset[int]:
    """How many digits a number of a country has, with and without what is dialled before it."""
    metadata = PhoneMetadata.metadata_for_region(region)
    lengths = [n for n in metadata.general_desc.possible_length if n > 0] if metadata and metadata.general_desc else []
    prefix = len((metadata.national_prefix if metadata else "") or "")
    return frozenset([*lengths, *(n + prefix for n in lengths)])


def _find(run: Run, start: int, end: int, certainty: int) -> Find:
    """A find with the bracket that opens before it, and with its extension."""
    start = max(start, run.start)
    extension = _EXTENSION.match(run.text, end)
    return Find(start, extension.end() if extension else min(end, run.end), "phone", certainty)
