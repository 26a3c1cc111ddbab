"""Finding out what a dataset is: a BEIR folder, a folder of questions and files, a file of questions, or the sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from citewell.core.errors import DatasetInvalid
from citewell.core.resources import package_path
from citewell.evaluation.topics.corpora import FolderCorpus, JsonlCorpus
from citewell.evaluation.topics.questions import HistoryUse, read_questions, with_answers
from citewell.evaluation.topics.trec import read_qrels, read_topics
from citewell.evaluation.topics.types import Corpus, Dataset, Qrels, Topic

SAMPLE = "sample"
SYNTHETIC = "synthetic"  # the tag of questions that nobody asked
LAYOUTS = (
    "A dataset is a folder in the BEIR layout (corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv), a folder with topics.jsonl and, where "
    "they are not in the index already, the files in corpus/; a file of questions (.jsonl, or TREC topics with --qrels), or `sample`."
)


def read_dataset(
    location: Path, *, queries: Path | None = None, qrels: Path | None = None, split: str = "test", limit: int | None = None,
    history: HistoryUse = "last", judged_only: bool = False,
) -> Dataset:  # fmt: skip
    """The topics of a dataset with their judgements, in file order; with `limit`, that many spread evenly over the file.

    `queries` and `qrels` replace the dataset's own files; `judged_only` leaves out topics without qrels. Raises DatasetInvalid,
    naming file and line.
    """
    place = package_path("data", "sample") if str(location) == SAMPLE and not location.exists() else location
    if not place.exists():
        raise DatasetInvalid(f"{location} does not exist", hint=LAYOUTS)
    file = queries or (place if place.is_file() else _topics_file(place))
    topics, lines = read_topics(file) if file.suffix not in {".jsonl", ".json"} else read_questions(file, history)
    if not topics:
        raise DatasetInvalid(f"{file} is empty: it has no question", hint=LAYOUTS)
    if place.is_dir() and (place / "answers.jsonl").is_file():
        topics = with_answers(topics, place / "answers.jsonl")
    judged_in = qrels or (place / "qrels" / f"{split}.tsv" if place.is_dir() else None)
    judgements, notes = _judge(topics, lines, file, judged_in, required=qrels is not None, selected=queries is not None)
    name = SAMPLE if str(location) == SAMPLE else place.resolve().stem if place.is_file() else place.resolve().name
    if judged_only:
        topics = [topic for topic in topics if topic.query_id in judgements]
        if not topics:
            missing = "" if judged_in is None or judged_in.is_file() else f": {judged_in} does not exist"
            hint = "Judge some: qrels/test.tsv, or `evidence` in topics.jsonl."
            raise DatasetInvalid(f"no query of {file} has a judgement{missing}", hint=hint)
    if all(SYNTHETIC in topic.tags for topic in topics):
        notes.append(
            "all questions are synthetic: they tell a change for the worse, not how good answers are for people"
        )
    chosen = spread(topics, limit, judgements)
    wanted = {topic.query_id for topic in chosen}
    kept = {query_id: grades for query_id, grades in judgements.items() if query_id in wanted}
    return Dataset(name, location, tuple(chosen), kept, _corpus(name, place), tuple(notes))


def spread(topics: Sequence[Topic], limit: int | None, qrels: Qrels) -> list[Topic]:
    """`limit` topics of those with a judgement of any kind, or of all where none has, evenly spread over the file, so that no part of it is left out."""
    if limit is None:
        return list(topics)
    known = [topic for topic in topics if topic.query_id in qrels or topic.answerable is not None] or topics
    step = max(1.0, len(known) / limit)
    return [known[int(i * step)] for i in range(min(limit, len(known)))]


def _topics_file(folder: Path) -> Path:
    for name in ("queries.jsonl", "topics.jsonl"):
        if (folder / name).is_file():
            return folder / name
    raise DatasetInvalid(f"{folder} has neither queries.jsonl nor topics.jsonl", hint=LAYOUTS)


def _corpus(name: str, place: Path) -> Corpus | None:
    if (place / "corpus.jsonl").is_file():
        return JsonlCorpus(name, place / "corpus.jsonl")
    if (place / "corpus").is_dir():
        return FolderCorpus(name, place / "corpus")
    if (place / "queries.jsonl").is_file():
        raise DatasetInvalid(f"{place / 'corpus.jsonl'} does not exist", hint=LAYOUTS)
    return None


def _judge(
    topics: Sequence[Topic], lines: Mapping[str, int], file: Path, qrels_file: Path | None, *, required: bool, selected: bool
) -> tuple[dict[str, dict[str, int]], list[str]]:  # fmt: skip
    """Qrels of the topics, from the file where there is one, else from their evidence; and notes on topics without any."""
    by_evidence = {
        topic.query_id: {item.document: 1 for item in topic.evidence}
        for topic in topics
        if topic.evidence and topic.answerable is not False
    }
    judged, begins = by_evidence, dict[str, int]()
    if qrels_file is not None and (required or qrels_file.is_file()):
        judged, begins = read_qrels(qrels_file)
    source = qrels_file if begins else f"the evidence in {file}"
    unknown = [query_id for query_id in judged if query_id not in lines]
    if unknown and not selected:
        raise DatasetInvalid(
            f"{qrels_file}, line {begins[unknown[0]]}: judges the query {unknown[0]}, which {file} does not have",
            hint="Every judged query counts; add its text or remove its judgements.",
        )
    without = [t for t in topics if t.query_id not in judged and t.answerable is not False]
    notes = []
    if without and judged:
        first = without[0].query_id
        more = f", like {len(without) - 1} more queries" if len(without) > 1 else ""
        notes.append(
            f"{file}, line {lines[first]}: the query {first} has no judgement in {source}{more}; not asked where judgements are needed"
        )
    return judged, notes
