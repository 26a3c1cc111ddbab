"""Groups of topics whose figures are looked at apart."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Mapping

from citewell.core.types import Ranking
from citewell.evaluation.topics.types import Topic

Slices = dict[str, dict[str, list[str]]]  # slice -> value -> query ids
# A number, a code such as E41 or P-03, a version, a path, an address, or a name in camel case or with an underscore.
_IDENTIFIER = re.compile(r"\d|\S@\S|\w[/\\_]\w|[a-z][A-Z]|::")
_LENGTHS = ((4, "1-4 words"), (8, "5-8 words"), (15, "9-15 words"))
_MANY_RELEVANT = 4


def slice_topics(topics: Mapping[str, Topic], grades: Mapping[str, Mapping[str, int]]) -> Slices:
    """The query ids by slice and value: length, language, relevant documents, identifiers, filter, turn, tags.

    A slice with a single value says nothing and is left out.
    """
    named: dict[str, Callable[[Topic], list[str]]] = {
        "length": lambda t: [_length(t.text)],
        "language": lambda t: [t.language or script(t.text)],
        "relevant documents": lambda t: [_relevant(grades.get(t.query_id, {}))],
        "identifiers or numbers": lambda t: ["with" if _IDENTIFIER.search(t.text) else "without"],
        "filter": lambda t: [t.filter or "none"],
        "turn": lambda t: ["follow-up" if t.history else "first"],
        "tag": lambda t: list(t.tags),
    }
    slices: Slices = {}
    for name, values_of in named.items():
        groups: dict[str, list[str]] = {}
        for query_id, topic in topics.items():
            for value in values_of(topic):
                groups.setdefault(value, []).append(query_id)
        if len(groups) > 1:
            slices[name] = dict(sorted(groups.items()))
    return slices


def found_by(bm25: Ranking, dense: Ranking, relevant: Collection[str], depth: int) -> str:
    """Which first-stage retriever has evidence among its first `depth` documents; `relevant` are document ids."""
    in_bm25, in_dense = (_finds(ranking, relevant, depth) for ranking in (bm25, dense))
    if in_bm25 and in_dense:
        return "both"
    return "only bm25" if in_bm25 else "only dense" if in_dense else "none"


def script(text: str) -> str:
    """The script of most letters as a language tag, such as `und-Latn`, `und-Hani`; `und` without letters."""
    counts = Counter(unicodedata.name(c, "?").split()[0] for c in text if c.isalpha())
    if not counts:
        return "und"
    common = counts.most_common(1)[0][0]
    return f"und-{_SCRIPTS.get(common, common.title()[:4])}"


# The first word of a letter's Unicode name: its ISO 15924 code where the first four letters are not that.
_SCRIPTS = {"CJK": "Hani", "HIRAGANA": "Jpan", "KATAKANA": "Jpan", "HANGUL": "Kore", "LATIN": "Latn", "CYRILLIC": "Cyrl",
            "GREEK": "Grek", "HEBREW": "Hebr", "DEVANAGARI": "Deva", "BENGALI": "Beng", "KHMER": "Khmr", "LAO": "Laoo"}  # fmt: skip


def _finds(ranking: Ranking, relevant: Collection[str], depth: int) -> bool:
    documents: set[str] = set()
    for candidate in ranking.candidates:
        documents.add(candidate.doc_id)
        if len(documents) > depth:
            return False
        if candidate.doc_id in relevant:
            return True
    return False


def _length(text: str) -> str:
    words = len(text.split())
    return next((name for most, name in _LENGTHS if words <= most), "16 words or more")


def _relevant(grades: Mapping[str, int]) -> str:
    count = sum(grade > 0 for grade in grades.values())
    return "4 or more" if count >= _MANY_RELEVANT else "2-3" if count > 1 else str(count)
