"""Questions and passages in several languages: recall@10 of BM25 and hybrid in one index of all, and the table question by passage language.

python benchmarks/languages.py XQUAD_FOLDER [--nomiracl NOMIRACL_JA_FOLDER] [--dir DIR]

XQuAD's folders hold the same questions and passages in each language. The table looks for the passage in another language than the
question's, within the passages of that language.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measuring import describe_machine

from citewell.core.settings import load_settings
from citewell.core.types import Document, Query, document_id, text_version
from citewell.index.snapshot import Snapshot
from citewell.pipeline.ask import read_query
from citewell.pipeline.build import Entry, ingest_documents
from citewell.pipeline.retrieve import first_stage
from citewell.pipeline.wiring import Engine

AT = 10


def main() -> None:
    """Prints recall by language, the table, and the share of Japanese questions with any hit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("xquad", type=Path)
    parser.add_argument("--nomiracl", type=Path)
    parser.add_argument("--dir", type=Path)
    arguments = parser.parse_args()
    languages = sorted(path.parent.name for path in arguments.xquad.glob("*/corpus.jsonl"))
    with tempfile.TemporaryDirectory() as temporary:
        engine = Engine(arguments.dir or Path(temporary), load_settings(rerank={"model": ""}))
        ingest_documents(engine, [entry for tag in languages for entry in entries(arguments.xquad / tag, tag)])
        print(
            f"XQuAD, {engine.settings.embedder.model}, {describe_machine()}: recall@{AT} among the passages of all languages"
        )
        for tag in languages:
            bm25, hybrid = recalls(engine, engine.snapshot(), arguments.xquad / tag, tag)
            print(f"  {tag}  bm25 {bm25:.4f}  hybrid {hybrid:.4f}", flush=True)
        tell_table(engine, arguments.xquad, languages)
        engine.close()
        if arguments.nomiracl:
            tell_hits(Path(temporary) / "nomiracl", arguments.nomiracl)


def entries(folder: Path, source: str) -> Iterator[Entry]:
    """The passages of a folder in the BEIR layout, a document each."""
    for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        title, text = " ".join(row.get("title", "").split()), " ".join(row["text"].split())
        if text:
            doc_id = document_id(source, row["_id"])
            document = Document(doc_id, text_version(text), f"{source}/{row['_id']}", title, text, "text/plain")
            yield Entry(source, row["_id"], doc_id, document)


def asked(folder: Path) -> Iterator[tuple[str, set[str]]]:
    """The questions of a folder with the ids of their passages."""
    gold: dict[str, set[str]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query_id, passage, _ = line.split("\t")
        gold.setdefault(query_id, set()).add(passage)
    for line in (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["_id"] in gold:
            yield row["text"], gold[row["_id"]]


def recalls(engine: Engine, snapshot: Snapshot, folder: Path, source: str) -> tuple[float, float]:
    """For how many questions of a folder BM25 and hybrid have a right passage of a source among the first documents."""
    found = []
    questions = [(Query(" ".join(text.split())), gold) for text, gold in asked(folder)]
    vectors = engine.embedder.embed_questions([query.text for query, _ in questions])
    for (query, gold), vector in zip(questions, vectors, strict=True):
        snapshot.dense.remember([query.text], vector[None])
        wanted = {document_id(source, passage) for passage in gold}
        first = first_stage(engine, snapshot, query)
        both = (first.bm25, first.fuse(engine.settings.fusion))
        ranked = [list(dict.fromkeys(c.doc_id for c in ranking.candidates))[:AT] for ranking in both]
        found.append([bool(wanted & set(documents)) for documents in ranked])
    bm25, hybrid = np.mean(found, axis=0)
    return float(bm25), float(hybrid)


def tell_table(engine: Engine, xquad: Path, languages: list[str]) -> None:
    """Recall by question language (rows) and passage language (columns), of BM25 and of both."""
    print(f"bm25/hybrid recall@{AT}, question language by passage language")
    print("     " + "".join(f"{tag:>11}" for tag in languages))
    for tag in languages:
        cells = []
        for other in languages:
            snapshot = engine.snapshot(filter=read_query(engine, "?", filter=f"collection:{other}").filter)
            cells.append("{:.3f}/{:.3f}".format(*recalls(engine, snapshot, xquad / tag, other)))
        print(f"  {tag} " + "".join(f"{cell:>11}" for cell in cells), flush=True)


def tell_hits(directory: Path, folder: Path) -> None:
    """The share of questions for which BM25 finds anything."""
    engine = Engine(directory, load_settings(rerank={"model": ""}))
    ingest_documents(engine, list(entries(folder, "nomiracl")))
    snapshot = engine.snapshot()
    questions = [
        json.loads(line)["text"] for line in (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    hits = [len(snapshot.bm25.search(Query(question), AT)) > 0 for question in questions]
    print(f"{folder.parent.name}/{folder.name}: BM25 finds something for {np.mean(hits):.4f} of {len(hits)} questions")
    engine.close()


if __name__ == "__main__":
    main()
