"""TREC's formats: topics, qrels (`query-id 0 document-id grade`), runs (`query-id Q0 document-id rank score tag`)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import numpy as np

from citewell.core.errors import DatasetInvalid
from citewell.evaluation.topics.types import Qrels, Topic, as_question

Run = Mapping[str, Mapping[str, float]]
BEIR_HEADER = ("query-id", "corpus-id", "score")
_OPENED = re.compile(r"<top>", re.IGNORECASE)
_TOP = re.compile(r"<top>((?:(?!<top>).)*?)</top>", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"<num>\s*(?:Number:)?\s*([^\s<]+)", re.IGNORECASE)
_SPACE = re.compile(r"\s")
_TITLE = re.compile(r"<title>\s*(?:Topic:)?\s*([^<]+)", re.IGNORECASE)


def canonical_run(run: Run) -> dict[str, dict[str, float]]:
    """The run with scores that strictly fall in single precision, in the order of falling score, ties as they stand.

    trec_eval holds scores as 32-bit floats and breaks ties by its own rule; without ties every tool sees one order.
    """
    return {query_id: _strictly_falling(scores) for query_id, scores in run.items()}


def _strictly_falling(scores: Mapping[str, float]) -> dict[str, float]:
    fallen: dict[str, float] = {}
    last = np.float32(np.inf)
    for name, score in sorted(scores.items(), key=lambda item: -item[1]):
        last = min(np.float32(score), np.nextafter(last, np.float32(-np.inf)))
        fallen[name] = float(last)
    return fallen


def write_run(run: Run, path: Path, tag: str) -> None:
    """Writes a run, each query's documents by falling score, with as many digits as single precision needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        for query_id, scores in run.items():
            ordered = sorted(scores.items(), key=lambda item: -item[1])
            for rank, (document, score) in enumerate(ordered, start=1):
                stream.write(f"{field(query_id)} Q0 {field(document)} {rank} {score:.9g} {field(tag)}\n")


def write_qrels(qrels: Qrels, path: Path, *, beir: bool = True) -> None:
    """Writes qrels: tab-separated with BEIR's header, or in TREC's four columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        if beir:
            stream.write("\t".join(BEIR_HEADER) + "\n")
        for query_id, grades in qrels.items():
            for document, grade in grades.items():
                stream.write(
                    f"{query_id}\t{document}\t{grade}\n" if beir else f"{field(query_id)} 0 {field(document)} {grade}\n"
                )


def read_run(path: Path) -> tuple[dict[str, dict[str, float]], dict[str, int]]:
    """A run's scores by document by query, and the line where each query begins.

    Order is by score, as trec_eval has it. Raises DatasetInvalid for a malformed line, a document that a query has twice, and an
    empty file.
    """
    run: dict[str, dict[str, float]] = {}
    lines: dict[str, int] = {}
    for number, line in _lines(path):
        fields = line.split()
        score = _number(fields[4]) if len(fields) == 6 else None
        if score is None:
            raise DatasetInvalid(f"{path}, line {number}: needs query-id, Q0, document-id, rank, score and tag")
        query_id, document = fields[0], fields[2]
        scores = run.setdefault(query_id, {})
        lines.setdefault(query_id, number)
        if document in scores:
            raise DatasetInvalid(
                f"{path}, line {number}: query {query_id} has the document {document} twice",
                hint="A run holds each document once a query: keep its best passage.",
            )
        scores[document] = score
    if not run:
        raise DatasetInvalid(f"{path} is empty: it has no line of a run")
    return run, lines


def read_qrels(path: Path) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Grades by document by query, and the line where each query begins; BEIR's tab-separated file or TREC's four columns.

    Raises DatasetInvalid for a malformed line, two grades of one document, and an empty file.
    """
    qrels: dict[str, dict[str, int]] = {}
    lines: dict[str, int] = {}
    tabbed = False
    for number, line in _lines(path):
        fields = tuple(line.split("\t"))
        if number == 1 and (fields == BEIR_HEADER or not _is_judgement(line)):
            if fields[:3] != BEIR_HEADER:
                _judgement(path, number, line, tabbed=False)
            tabbed = True
            continue
        query_id, document, grade = _judgement(path, number, line, tabbed=tabbed)
        grades = qrels.setdefault(query_id, {})
        lines.setdefault(query_id, number)
        if grades.get(document, grade) != grade:
            raise DatasetInvalid(
                f"{path}, line {number}: query {query_id} grades the document {document} {grade}, before {grades[document]}"
            )
        grades[document] = grade
    if not qrels:
        raise DatasetInvalid(f"{path} is empty: it has no judgement")
    return qrels, lines


def read_topics(path: Path) -> tuple[list[Topic], dict[str, int]]:
    """Topics from TREC's `<top>` records (number and title), or from lines `query-id TAB text`; and the line of each."""
    if not path.is_file():
        raise DatasetInvalid(f"{path} does not exist")
    content = "\n".join(line for _, line in _lines(path, blank=True))
    rows = list(_records(path, content)) if "<top>" in content.lower() else list(_tabbed(path))
    lines: dict[str, int] = {}
    topics: list[Topic] = []
    for number, query_id, text in rows:
        if query_id in lines:
            raise DatasetInvalid(f"{path}, line {number}: the query {query_id} is in line {lines[query_id]} already")
        lines[query_id] = number
        topics.append(Topic(query_id, as_question(text)))
    return topics, lines


def _records(path: Path, content: str) -> Iterator[tuple[int, str, str]]:
    opened = [match.start() for match in _OPENED.finditer(content)]
    records = list(_TOP.finditer(content))
    for at in sorted(set(opened) - {record.start() for record in records}):
        raise DatasetInvalid(f"{path}, line {content.count(chr(10), 0, at) + 1}: the topic is not closed by </top>")
    for record in records:
        number = content.count("\n", 0, record.start()) + 1
        query_id, title = _NUMBER.search(record[1]), _TITLE.search(record[1])
        if query_id is None or title is None or not title[1].strip():
            raise DatasetInvalid(f"{path}, line {number}: a topic needs <num> and <title>")
        yield number, query_id[1], " ".join(title[1].split())


def _tabbed(path: Path) -> Iterator[tuple[int, str, str]]:
    for number, line in _lines(path):
        query_id, tab, text = line.partition("\t")
        if not (query_id.strip() and tab and text.strip()):
            raise DatasetInvalid(f"{path}, line {number}: needs a query id, a tab and the question")
        yield number, query_id.strip(), text.strip()


def _judgement(path: Path, number: int, line: str, *, tabbed: bool) -> tuple[str, str, int]:
    fields = line.split("\t") if tabbed else line.split()
    try:
        if tabbed:
            query_id, document, grade = fields[:3]
        else:
            query_id, _, document, grade = fields
        if not (query_id and document):
            raise ValueError("blank")
        return query_id, document, int(grade)
    except ValueError:
        form = "query-id, corpus-id and a whole score, separated by tabs"
        other = "query-id, 0, document-id and a whole grade; or BEIR's header `query-id corpus-id score`"
        raise DatasetInvalid(f"{path}, line {number}: needs {form if tabbed else other}") from None


def _is_judgement(line: str) -> bool:
    fields = line.split()
    return len(fields) == 4 and fields[3].lstrip("-").isdigit()


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _lines(path: Path, *, blank: bool = False) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line, blank ones only when asked for. Raises DatasetInvalid for one that is no UTF-8."""
    if not path.is_file():
        raise DatasetInvalid(f"{path} does not exist")
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                raise DatasetInvalid(f"{path}, line {number}: is no UTF-8 text") from None
            if blank or text.strip():
                yield number, text


def field(text: str) -> str:
    """The text as one field of a line: TREC's formats separate fields by white space, which is percent-encoded here."""
    return _SPACE.sub(lambda match: quote(match[0], safe=""), text)
