"""Questions as JSON lines: BEIR's `queries.jsonl` and `answers.jsonl`, and the richer `topics.jsonl` of our own.

    {"_id": "q7", "text": "When does the warranty end?", "answerable": true, "answers": ["31 March"],
     "evidence": [{"document": "handbook/warranty.md", "quote": "ends on 31 March"}],
     "history": [{"role": "user", "text": "…"}, {"role": "agent", "text": "…"}], "language": "en", "tags": ["date"]}

Only `_id` and `text` (or `question`) are needed. `evidence` may also be a list of document names, and an item of it may have
`start_char` and `end_char`, offsets into the document's text as `citewell documents show` gives it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from citewell.core.errors import DatasetInvalid
from citewell.evaluation.topics.rows import jsonl, texts
from citewell.evaluation.topics.types import Evidence, Topic, Turn, as_question

# How a topic with history is asked: its last turn alone, as it was put, or after the user's earlier turns.
HistoryUse = Literal["last", "user"]


def read_questions(path: Path, history: HistoryUse = "last") -> tuple[list[Topic], dict[str, int]]:
    """The topics of a file in their order, and the line of each by query id. Raises DatasetInvalid."""
    topics: list[Topic] = []
    lines: dict[str, int] = {}
    for number, row in jsonl(path):
        topic = _topic(row, f"{path}, line {number}", history)
        if topic.query_id in lines:
            raise DatasetInvalid(
                f"{path}, line {number}: the query {topic.query_id} is in line {lines[topic.query_id]} already"
            )
        lines[topic.query_id] = number
        topics.append(topic)
    return topics, lines


def with_answers(topics: Sequence[Topic], path: Path) -> list[Topic]:
    """The topics with what `answers.jsonl` knows of them."""
    known: dict[str, tuple[dict[str, Any], str]] = {}
    for number, row in jsonl(path):
        query_id = str(row["_id"])
        if query_id in known:
            raise DatasetInvalid(f"{path}, line {number}: the query {query_id} has answers already")
        known[query_id] = row, f"{path}, line {number}"
    return [_answered(topic, *known[topic.query_id]) if topic.query_id in known else topic for topic in topics]


def _topic(row: Mapping[str, Any], place: str, history: HistoryUse) -> Topic:
    text = row.get("text") or row.get("question")
    if not isinstance(text, str) or not text.strip():
        raise DatasetInvalid(f"{place}: needs `text`, a question that is not blank")
    turns = _turns(row.get("history") or [], place)
    if history == "user":
        text = " ".join([*(turn.text for turn in turns if turn.role == "user"), text])
    answered = _answered(Topic(str(row["_id"]), as_question(text), turns), row, place)
    return replace(
        answered,
        language=str(row.get("language") or ""),
        filter=str(row.get("filter") or ""),
        tags=texts(row, "tags", place),
    )


def _answered(topic: Topic, row: Mapping[str, Any], place: str) -> Topic:
    answerable = row.get("answerable")
    if answerable is not None and not isinstance(answerable, bool):
        raise DatasetInvalid(f"{place}: `answerable` needs true or false")
    answers = tuple(dict.fromkeys(a for a in texts(row, "answers", place) if a.strip()))
    evidence = tuple(_evidence(row, place))
    if answerable is None and (answers or evidence):
        answerable = True
    return replace(
        topic,
        answerable=topic.answerable if answerable is None else answerable,
        answers=answers or topic.answers,
        evidence=evidence or topic.evidence,
    )


def _evidence(row: Mapping[str, Any], place: str) -> list[Evidence]:
    """The evidence of a row; the answer spans of a row with one document (`spans`) are quotes of it."""
    items = row.get("evidence") or []
    if not isinstance(items, list):
        raise DatasetInvalid(f"{place}: `evidence` needs a list")
    spans = row.get("spans") or []
    if len(items) == 1 and isinstance(items[0], str) and isinstance(spans, list) and spans:
        return [_answer_span(items[0], span, place) for span in spans]
    return [_evidence_item(item, place) for item in items]


def _evidence_item(item: object, place: str) -> Evidence:
    if isinstance(item, str):
        return Evidence(item)
    if not isinstance(item, dict) or not isinstance(item.get("document"), str):
        raise DatasetInvalid(f"{place}: an item of `evidence` needs a document's name, or an object with `document`")
    start, end = item.get("start_char"), item.get("end_char")
    if (start is None) != (end is None) or not all(v is None or isinstance(v, int) for v in (start, end)):
        raise DatasetInvalid(f"{place}: `start_char` and `end_char` need whole numbers, both or none")
    if start is not None and end is not None and not 0 <= start < end:
        raise DatasetInvalid(f"{place}: the span [{start}, {end}) holds nothing")
    return Evidence(item["document"], str(item.get("quote") or ""), start, end)


def _answer_span(document: str, span: object, place: str) -> Evidence:
    if not isinstance(span, dict) or not isinstance(span.get("text"), str):
        raise DatasetInvalid(f"{place}: an item of `spans` needs an object with `text`")
    start = span.get("first_offset")
    if not isinstance(start, int):
        return Evidence(document, span["text"])
    return Evidence(document, span["text"], start, start + len(span["text"]))


def _turns(items: object, place: str) -> tuple[Turn, ...]:
    if not isinstance(items, list) or not all(isinstance(item, dict) and "text" in item for item in items):
        raise DatasetInvalid(f"{place}: `history` needs a list of objects with `role` and `text`")
    return tuple(Turn(str(item.get("role") or "user"), str(item["text"])) for item in items)
