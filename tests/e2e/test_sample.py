"""The sample documents: what they hold is what was parsed, and every citation over all 60 questions holds."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from citewell.cli.demo import QUESTIONS
from citewell.core.resources import package_path
from citewell.evaluation.topics.trec import read_qrels
from citewell.pipeline.ask import ask
from citewell.pipeline.upkeep.health import status
from citewell.pipeline.wiring import Engine

SAMPLE = package_path("data", "sample")
TOPICS: list[dict[str, Any]] = [
    json.loads(line) for line in (SAMPLE / "topics.jsonl").read_text(encoding="utf-8").splitlines()
]
BROKEN = 2
MAX_SAMPLE_BYTES = 3_000_000


def folded(text: str) -> str:
    """Without the marks between cells, which a plain text sets with spaces."""
    return " ".join(text.replace("|", " ").split())


def test_there_are_enough_documents_of_every_kind_in_little_space() -> None:
    files = [p for p in (SAMPLE / "corpus").rglob("*") if p.is_file()]
    kinds = Counter(p.suffix for p in files)
    assert sum(kinds.values()) >= 27
    assert kinds.keys() == {".md", ".html", ".txt", ".pdf", ".docx"}
    assert sum(p.stat().st_size for p in SAMPLE.rglob("*") if p.is_file()) < MAX_SAMPLE_BYTES


def test_topics_and_qrels_belong_together() -> None:
    assert len({t["_id"] for t in TOPICS}) == 60
    assert sum(not t["answerable"] for t in TOPICS) == 15
    qrels, _ = read_qrels(SAMPLE / "qrels" / "test.tsv")
    assert qrels.keys() == {t["_id"] for t in TOPICS if t["answerable"]}
    for documents in qrels.values():
        assert all((SAMPLE / "corpus" / name).is_file() for name in documents)
    for topic in TOPICS:
        assert {e["document"] for e in topic["evidence"]} <= qrels.get(topic["_id"], {}).keys()


def test_the_evidence_of_every_topic_stands_in_the_parsed_document(sample_engine: Engine) -> None:
    ids = {s.uri: s.doc_id for s in sample_engine.catalog.summaries()}
    missing = []
    for topic in TOPICS:
        for evidence in topic["evidence"]:
            text = sample_engine.catalog.document(ids[f"sample/{evidence['document']}"]).text
            if folded(evidence["quote"]) not in folded(text):
                missing.append((topic["_id"], evidence["document"], evidence["quote"]))
    assert missing == []


def test_the_two_broken_files_are_listed_with_their_reasons(sample_engine: Engine) -> None:
    rejected = status(sample_engine)["rejected"]
    assert len(rejected) == BROKEN
    assert {r["code"] for r in rejected} == {"file.broken"}


def test_pages_are_known_for_pdf_and_headings_for_every_structured_format(sample_engine: Engine) -> None:
    for summary in sample_engine.catalog.summaries():
        document = sample_engine.catalog.document(summary.doc_id)
        if summary.media_type == "application/pdf":
            assert max(b.page or 0 for b in document.blocks) >= 2, summary.uri
        if summary.media_type != "text/plain":  # a notice needs no headings
            assert any(b.kind == "heading" for b in document.blocks), summary.uri


@pytest.mark.slow
def test_every_citation_over_all_topics_is_the_stored_text(sample_engine: Engine) -> None:
    checked = 0
    for topic in TOPICS:
        answer = ask(sample_engine, topic["text"])
        assert (answer.status == "abstained") == (not answer.sentences)
        for sentence in answer.sentences:
            for citation in sentence.citations:
                document = sample_engine.catalog.document(citation.doc_id, citation.version)
                assert document.text[citation.start_char : citation.end_char] == citation.quote
                assert document.page_at(citation.start_char) == citation.page
                checked += 1
    assert checked > 0


def test_the_demo_answers_four_questions_and_refuses_the_fifth(sample_engine: Engine) -> None:
    answers = [ask(sample_engine, question) for question in QUESTIONS]
    assert [a.status for a in answers] == ["grounded"] * 4 + ["abstained"]
    for answer, words in zip(
        answers, ("up to three weeks", "€5.50 per gateway", "the floor vibrates", "19,200 baud"), strict=False
    ):
        assert words in answer.text
