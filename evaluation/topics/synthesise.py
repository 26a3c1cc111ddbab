"""Topics and qrels made from the user's own documents, without a language model, for a time in which nobody has judged any.

Four kinds, each with the span that answers it: headings with what stands below them; questions found in the text with what follows;
sentences without their most telling words; and sentences from which a number or a name was taken (cloze). They are marked as
synthetic: they share words with the documents, so they find a change for the worse and say nothing about absolute quality.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from citewell.core.errors import DatasetInvalid
from citewell.core.sentences import sentence_spans
from citewell.core.types import Block, Document
from citewell.evaluation.topics.datasets import SYNTHETIC
from citewell.evaluation.topics.trec import write_qrels
from citewell.index.analysis import analyse
from citewell.index.store.catalog import Catalog

KINDS = ("heading", "question", "sentence", "cloze")
SEED = 13
MIN_WORDS, MAX_WORDS = 8, 40  # of a sentence that becomes a topic
REMOVED = 0.34  # share of a sentence's terms that are taken away, the most telling first
SAME = 0.8  # Jaccard similarity of two topics' terms from which they are the same
MIN_HEADING_TERMS = 2
GAP = "…"
_VALUE = re.compile(
    r"(?<![\w.,:/-])(?:[A-Z]{1,5}-?\d[\w.-]*|\d+(?:[.,:]\d+)*(?:\s?%|\s(?:January|February|March|April|May|June|July|August|September|"
    r"October|November|December)(?:\s\d{4})?)?)(?![\w-])"
)  # fmt: skip
_NAME = re.compile(r"(?<=[a-z,;] )(?:[A-Z][a-zà-ÿ]+(?:[ -][A-Z][a-zà-ÿ]+)*)")
_WORD = re.compile(r"\w+(?:[-'’]\w+)*")


@dataclass(frozen=True, slots=True)
class Place:
    """A span of a document and its text."""

    uri: str
    start_char: int
    end_char: int
    quote: str


@dataclass(frozen=True, slots=True)
class Made:
    """A topic that was made: its kind, its words, where its answer stands, and the answer's words where they are known."""

    kind: str
    text: str
    place: Place
    answers: tuple[str, ...] = ()


def synthesise(catalog: Catalog, count: int, kinds: Sequence[str] = KINDS, seed: int = SEED) -> list[dict[str, Any]]:
    """At most `count` topics as rows of `topics.jsonl`, spread over kinds and documents; the same ones for the same documents.

    A sentence that stands in several documents names them all. Raises DatasetInvalid when the documents give none.
    """
    documents = [catalog.document(summary.doc_id) for summary in catalog.summaries()]
    telling = _idf(documents)
    made = [topic for document in documents for topic in _topics(document, telling) if topic.kind in kinds]
    chosen = _spread(_distinct(made), count, random.Random(seed))  # noqa: S311 (a sample, not a secret)
    if not chosen:
        raise DatasetInvalid(
            "no question can be made from these documents", hint="They need headings, questions or whole sentences."
        )
    same = _places_by_words(made)
    return [_row(number, topic, same[_words(topic.place.quote)]) for number, topic in enumerate(chosen, start=1)]


def write_topics(rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Writes `topics.jsonl` and `qrels/test.tsv` into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "topics.jsonl").write_text(lines, encoding="utf-8")
    qrels = {row["_id"]: {item["document"]: 1 for item in row["evidence"]} for row in rows}
    write_qrels(qrels, folder / "qrels" / "test.tsv")


def _topics(document: Document, telling: Mapping[str, float]) -> Iterator[Made]:
    blocks = document.blocks
    for number, block in enumerate(blocks):
        following = blocks[number + 1] if number + 1 < len(blocks) else None
        if block.kind == "heading":
            yield from _heading(document, block, following)
        elif block.kind in {"paragraph", "list_item"}:
            yield from _sentences(document, block, following, telling)


def _heading(document: Document, block: Block, below: Block | None) -> Iterator[Made]:
    """A heading with the block below it; short ones are asked together with the heading above them."""
    if below is None or below.kind == "heading":
        return
    text = document.text[block.start_char : block.end_char].strip()
    if text.endswith("?"):
        yield Made("question", text, _place(document, below.start_char, below.end_char))
        return
    above = [part for part in (document.title, *below.heading_path) if part and part != text]
    if len(set(analyse(text))) < MIN_HEADING_TERMS and above:
        text = f"{above[-1]}: {text}"
    if len(set(analyse(text))) >= MIN_HEADING_TERMS:
        yield Made("heading", text, _place(document, below.start_char, below.end_char))


def _sentences(
    document: Document, block: Block, following: Block | None, telling: Mapping[str, float]
) -> Iterator[Made]:
    body = document.text[block.start_char : block.end_char]
    spans = [(block.start_char + start, block.start_char + end) for start, end in sentence_spans(body)]
    for number, (start, end) in enumerate(spans):
        text = document.text[start:end]
        if text.rstrip().endswith("?"):
            after = spans[number + 1] if number + 1 < len(spans) else None
            if after is None and following is not None and following.kind != "heading":
                after = following.start_char, following.end_char
            if after is not None and len(analyse(text)) >= MIN_HEADING_TERMS:
                yield Made("question", " ".join(text.split()), _place(document, *after))
            continue
        if MIN_WORDS <= len(text.split()) <= MAX_WORDS:
            place = _place(document, start, end)
            yield from _without_telling_words(text, place, telling)
            yield from _cloze(text, place)


def _without_telling_words(text: str, place: Place, telling: Mapping[str, float]) -> Iterator[Made]:
    """The sentence without the third of its terms that tell most (idf)."""
    terms = sorted(set(analyse(text)), key=lambda term: (-telling.get(term, 0.0), term))
    gone = set(terms[: math.ceil(len(terms) * REMOVED)])
    left = [word for word in _WORD.findall(text) if not gone & set(analyse(word))]
    if len(set(analyse(" ".join(left)))) >= MIN_HEADING_TERMS:
        yield Made("sentence", " ".join(left), place)


def _cloze(text: str, place: Place) -> Iterator[Made]:
    """The sentence with its first number, code or name taken out, which is the answer."""
    match = _VALUE.search(text) or _NAME.search(text)
    if match is None:
        return
    asked = " ".join(f"{text[: match.start()]}{GAP}{text[match.end() :]}".split())
    if len(set(analyse(asked))) > MIN_HEADING_TERMS:
        yield Made("cloze", asked, place, (match[0],))


def _place(document: Document, start: int, end: int) -> Place:
    return Place(document.uri, start, end, document.text[start:end])


def _idf(documents: Sequence[Document]) -> dict[str, float]:
    """ln(N / n) of each term over blocks."""
    blocks = [document.text[b.start_char : b.end_char] for document in documents for b in document.blocks]
    counts = Counter(term for block in blocks for term in set(analyse(block)))
    return {term: math.log(len(blocks) / n) for term, n in counts.items()}


def _distinct(made: Sequence[Made]) -> list[Made]:
    """The topics without those whose terms an earlier one of their kind has nearly all."""
    analysed = [frozenset(analyse(topic.text)) for topic in made]
    counts = Counter(term for terms in analysed for term in terms)
    kept: list[Made] = []
    by_term: dict[tuple[str, str], list[frozenset[str]]] = {}
    for topic, terms in zip(made, analysed, strict=True):
        # Two sets that are so similar share one of their rarest terms (prefix filter; Chaudhuri et al., ICDE 2006).
        rarest = sorted(terms, key=lambda term: (counts[term], term))
        prefix = rarest[: len(rarest) - math.ceil(SAME * len(rarest)) + 1]
        others = {other for term in prefix for other in by_term.get((topic.kind, term), [])}
        if all(len(terms & other) < SAME * len(terms | other) for other in others):
            kept.append(topic)
            for term in prefix:
                by_term.setdefault((topic.kind, term), []).append(terms)
    return kept


def _spread(made: Sequence[Made], count: int, chance: random.Random) -> list[Made]:
    """`count` topics, one of each kind and document in turn, shuffled within."""
    queues: dict[str, dict[str, list[Made]]] = {}
    for topic in made:
        queues.setdefault(topic.kind, {}).setdefault(topic.place.uri, []).append(topic)
    turns: list[list[Made]] = []
    for kind in sorted(queues):
        for uri in sorted(queues[kind]):
            chance.shuffle(queues[kind][uri])
        rounds = max(map(len, queues[kind].values()))
        of_kind = [q[i] for i in range(rounds) for q in _shuffled(list(queues[kind].values()), chance) if i < len(q)]
        turns.append(of_kind)
    longest = max(map(len, turns), default=0)
    return [queue[i] for i in range(longest) for queue in turns if i < len(queue)][:count]


def _shuffled(items: list[list[Made]], chance: random.Random) -> list[list[Made]]:
    chance.shuffle(items)
    return items


def _places_by_words(made: Sequence[Made]) -> dict[str, list[Place]]:
    """All places of a text, by its words: near copies of a document hold the answer too."""
    places: dict[str, dict[str, Place]] = {}
    for topic in made:
        places.setdefault(_words(topic.place.quote), {}).setdefault(topic.place.uri, topic.place)
    return {words: list(by_uri.values()) for words, by_uri in places.items()}


def _words(text: str) -> str:
    return " ".join(word.casefold() for word in _WORD.findall(text))


def _row(number: int, topic: Made, places: Sequence[Place]) -> dict[str, Any]:
    return {
        "_id": f"syn{number:04d}",
        "text": topic.text,
        "answerable": True,
        "answers": list(topic.answers),
        "evidence": [
            {"document": p.uri, "quote": p.quote, "start_char": p.start_char, "end_char": p.end_char} for p in places
        ],
        "tags": [SYNTHETIC, topic.kind],
    }
