"""Topics made from documents, other wordings of questions, and how stable answers are under them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from citewell.core.errors import DatasetInvalid
from citewell.core.settings import load_settings
from citewell.evaluation.indexing import index_dataset
from citewell.evaluation.stability import evaluate_stability
from citewell.evaluation.topics.datasets import read_dataset
from citewell.evaluation.topics.paraphrase import KINDS, bundled_synonyms, paraphrase, read_synonyms
from citewell.evaluation.topics.synthesise import GAP, synthesise, write_topics
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.wiring import Engine

QUESTION = "How many days of annual leave does an employee get in Leeds?"


def test_topics_are_made_of_every_kind_and_their_evidence_stands_in_the_documents(sample_engine: Engine) -> None:
    rows = synthesise(sample_engine.catalog, 80)
    kinds = Counter(row["tags"][1] for row in rows)
    assert len(rows) == 80
    assert kinds.keys() == {"heading", "question", "sentence", "cloze"}
    assert min(kinds.values()) >= 15
    ids = {s.uri: s.doc_id for s in sample_engine.catalog.summaries()}
    for row in rows:
        assert row["tags"][0] == "synthetic"
        for item in row["evidence"]:
            text = sample_engine.catalog.document(ids[item["document"]]).text
            assert text[item["start_char"] : item["end_char"]] == item["quote"]
        if row["tags"][1] == "cloze":
            assert GAP in row["text"]
            assert row["answers"][0] in row["evidence"][0]["quote"]
    assert len({row["text"] for row in rows}) == 80
    assert len({item["document"] for row in rows for item in row["evidence"]}) > 25, "spread over the documents"


def test_the_same_documents_give_the_same_topics_and_another_seed_others(sample_engine: Engine) -> None:
    first = synthesise(sample_engine.catalog, 20)
    assert first == synthesise(sample_engine.catalog, 20)
    assert first != synthesise(sample_engine.catalog, 20, seed=14)


def test_a_sentence_in_two_documents_names_both_and_makes_one_topic(tmp_path: Path, make_engine) -> None:  # type: ignore[no-untyped-def]
    papers = tmp_path / "papers"
    papers.mkdir()
    same = "The calibration laboratory has to leave the first floor before the end of 2026.\n"
    (papers / "a.md").write_text(f"# Notes\n\n{same}\nIs the lift repaired? It will be repaired in March.\n")
    (papers / "b.md").write_text(f"# Minutes of May\n\n{same}")
    engine = make_engine(tmp_path / "index")
    ingest_paths(engine, [papers])
    rows = synthesise(engine.catalog, 50)
    (cloze,) = [row for row in rows if row["tags"][1] == "cloze"]
    assert cloze["answers"] == ["2026"]
    assert {item["document"] for item in cloze["evidence"]} == {"papers/a.md", "papers/b.md"}
    (asked,) = [row for row in rows if row["tags"][1] == "question"]
    assert (asked["text"], asked["evidence"][0]["quote"]) == ("Is the lift repaired?", "It will be repaired in March.")
    with pytest.raises(DatasetInvalid, match="no question can be made"):
        synthesise(engine.catalog, 50, kinds=[])
    write_topics(rows, tmp_path / "made")
    data = read_dataset(tmp_path / "made")
    assert data.corpus is None, "asked of the index that is there"
    assert len(data.judged) == len(rows)
    assert "synthetic" in data.notes[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_wording_is_another_one_and_the_same_each_time(kind: str) -> None:
    other = paraphrase(kind, QUESTION, "q1")
    assert other != QUESTION
    assert other == paraphrase(kind, QUESTION, "q1")


def test_what_each_kind_of_wording_does() -> None:
    assert sorted(paraphrase("order", QUESTION, "q").split()) == sorted(QUESTION.rstrip("?").split())
    assert paraphrase("keywords", QUESTION, "q") == "many days annual leave employee get Leeds"
    assert paraphrase("upper", "straße", "q") == "STRASSE"
    changed = sum(a != b for a, b in zip(paraphrase("typos", QUESTION, "q").split(), QUESTION.split(), strict=True))
    assert 1 <= changed <= len(QUESTION.split()) // 4 + 1
    assert paraphrase("synonyms", "Which holidays begin then?", "q") == "Which vacations start then?"
    assert paraphrase("typos", "a b c", "q") == "a b c", "short words stay"


def test_synonyms_never_lead_to_themselves_and_may_come_from_wordnet(tmp_path: Path) -> None:
    assert all(word != other.casefold() for word, other in bundled_synonyms().items())
    for part in ("noun", "verb", "adj", "adv"):
        (tmp_path / f"index.{part}").write_text("  1 licence text\n")
        (tmp_path / f"data.{part}").write_text("  1 licence text\n")
    (tmp_path / "index.noun").write_text("  1 licence\ncar n 2 1 @ 2 1 02958343 02959942\nhot_rod n 1 0 1 0 03543394\n")
    (tmp_path / "data.noun").write_text(
        "  1 licence\n02958343 06 n 02 car 0 auto 0 000 | a motor vehicle\n02959942 06 n 02 car 1 railcar 0 000 | a wheeled vehicle\n"
        "03543394 06 n 01 hot_rod 0 000 | a car\n"
    )
    assert read_synonyms(tmp_path) == {"car": "auto"}
    with pytest.raises(DatasetInvalid, match="does not exist"):
        read_synonyms(tmp_path / "none.txt")
    (tmp_path / "data.adv").unlink()
    with pytest.raises(DatasetInvalid, match=r"lacks index\.adv or data\.adv"):
        read_synonyms(tmp_path)


def test_case_changes_nothing_and_every_wording_is_measured(dataset: Path, tmp_path: Path) -> None:
    data = read_dataset(dataset)
    body = evaluate_stability(index_dataset(data, load_settings(), tmp_path), data, kinds=["lower", "keywords"])
    lower = body["kinds"]["lower"]
    assert lower["questions"] == 3
    assert lower["overlap@5"] == 1.0
    assert (lower["overlap@10"], lower["nDCG@10 before"], lower["nDCG@10 after"]) == (1.0, 1.0, 1.0)
    assert 0 <= body["kinds"]["keywords"]["citations_same"] <= 1
    json.dumps(body)
    fast = evaluate_stability(index_dataset(data, load_settings(), tmp_path), data, kinds=["order"], answers=False)
    assert "status_same" not in fast["kinds"]["order"]
