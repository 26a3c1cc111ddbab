"""Finds personal data of chosen kinds in a text and puts marks in its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

from citewell.core.errors import SettingsError
from citewell.core.languages import UNKNOWN, primary
from citewell.ingest.redact.accounts import find_cards, find_ibans
from citewell.ingest.redact.addresses import find_emails, find_ip_addresses
from citewell.ingest.redact.names import Names
from citewell.ingest.redact.national_ids import find_national_ids
from citewell.ingest.redact.phones import KNOWN_REGIONS, find_phones, regions_for
from citewell.ingest.redact.spans import MARKS, Find, Finder, Span, apart, blanked, plain, replaced

KINDS = ("email", "phone", "card", "iban", "national_id", "ip")
MAX_ROUNDS = 8  # of a search; what is left out of one by an overlap is found in the next
_FINDERS: dict[str, Finder] = {
    "email": find_emails,
    "card": find_cards,
    "iban": find_ibans,
    "national_id": find_national_ids,
    "ip": find_ip_addresses,
}


class Redactor:
    """Finds data of `kinds`, and names of people when `names`.

    `phone_regions` are the countries whose phone numbers are known without a country code; by default they follow from the text's language.
    Raises SettingsError for an unknown kind or country, and when `names` lacks what it needs.
    """

    def __init__(self, kinds: Sequence[str], names: bool = False, phone_regions: Sequence[str] = ()) -> None:
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown:
            raise SettingsError(f"{', '.join(unknown)} cannot be redacted; known are {', '.join(KINDS)}, name")
        strange = [region for region in phone_regions if region not in KNOWN_REGIONS]
        if strange:
            raise SettingsError(f"{', '.join(strange)} is no country's code; write for example GB, DE")
        self.kinds = tuple(kind for kind in KINDS if kind in kinds)
        self._regions = tuple(phone_regions)
        self._names = Names() if names else None

    @property
    def names(self) -> bool:
        """Whether names are redacted."""
        return self._names is not None

    def spans(self, text: str, language: str = UNKNOWN) -> list[Span]:
        """Where data lies in `text`, in its order and without overlap. Marks of an earlier redaction are passed over."""
        seen, found = plain(text), list[Span]()
        for at in range(MAX_ROUNDS):
            new = apart(self._finds(seen, primary(language), names=at == 0))
            if not new:
                break
            found += new
            seen = blanked(seen, new)
        return sorted(found)

    def redact(self, text: str, language: str = UNKNOWN) -> tuple[str, Counter[str]]:
        """`text` with a mark in the place of each datum, and how many there were of each kind."""
        spans = self.spans(text, language)
        return replaced(text, spans, lambda span: MARKS[span.kind]), Counter(span.kind for span in spans)

    def _finds(self, text: str, language: str, *, names: bool) -> Iterator[Find]:
        finders = [_FINDERS[kind] for kind in self.kinds if kind != "phone"]
        if "phone" in self.kinds:
            finders.append(partial(find_phones, regions=self._regions or regions_for(language)))
        for finder in finders:
            yield from finder(text)
        if names and self._names:
            yield from self._names.find(text, language)
