"""A tiny dataset in the BEIR layout, with answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CORPUS = [
    {"_id": "d1", "title": "Leave", "text": "Every employee has 28 days of annual leave."},
    {"_id": "d2", "title": "", "text": "Hotels cost at most 145 euros a night."},
    {"_id": "d3", "title": "Pumps", "text": "The pump moves 12 litres a minute."},
    {"_id": "d4", "title": "", "text": ""},
]
QUERIES = [
    {"_id": "q1", "text": "How many days of annual leave does an employee have?"},
    {"_id": "q2", "text": "How much may hotels cost a night?"},
    {"_id": "q3", "text": "Who won the football world cup in 1990?"},
]
ANSWERS = [
    {"_id": "q1", "answers": ["28 days"], "answerable": True, "evidence": ["d1"], "spans": [{"text": "28 days", "first_offset": 19}]},
    {"_id": "q2", "answers": ["145 euros"], "answerable": True, "evidence": ["d2"]},
    {"_id": "q3", "answers": [], "answerable": False, "evidence": []},
]  # fmt: skip
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t2\n"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, CORPUS)))
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, QUERIES)))
    (folder / "answers.jsonl").write_text("\n".join(map(json.dumps, ANSWERS)))
    (folder / "qrels" / "test.tsv").write_text(QRELS)
    return folder
