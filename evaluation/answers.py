"""Answer evaluation without a judge: the topics of a dataset through the whole line, against accepted answers and evidence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from citewell.core.answers import Answer, Sentence
from citewell.core.errors import DatasetInvalid
from citewell.core.protocols import Verifier
from citewell.core.types import Citation, Context
from citewell.evaluation.indexing import Indexed
from citewell.evaluation.judge import Judge
from citewell.evaluation.measures.abstention import (
    abstention,
    area_under,
    risk_coverage,
    sure_threshold,
    threshold_for_risk,
)
from citewell.evaluation.measures.answers import cohen_kappa, contains, exact_match, token_f1
from citewell.evaluation.measures.spans import overlap
from citewell.evaluation.measures.statistics import estimate
from citewell.evaluation.record import (
    ANSWER_MEASURES,
    AbstentionFigures,
    AnswersRecord,
    JudgeFigures,
    RiskPoint,
    TopicRow,
    interval,
    latency,
    provenance,
    rounded,
)
from citewell.evaluation.topics.gold import Gold, GoldFinder
from citewell.evaluation.topics.types import Dataset, Topic
from citewell.evaluation.waterfall import Loss, blame, waterfall
from citewell.generate.verification.draft import support_of
from citewell.ingest.jobs import Progress
from citewell.pipeline.ask import Replay, replay
from citewell.pipeline.wiring import Engine

DEFAULT_RISK = 0.1
HELD = 0.5  # share of the shorter of cited and gold span that both share, for the citation to hold the evidence
MOST_CURVE_POINTS = 200


@dataclass(frozen=True, slots=True)
class Played:
    """One topic, where its evidence stands, what was served and what was found, and whether that is right.

    `found` are the verified sentences, also when they were held back, and `found_right` judges them; `right` judges what was served.
    """

    topic: Topic
    gold: Gold
    answer: Answer
    found: tuple[Sentence, ...]
    found_right: bool
    right: bool
    loss: Loss

    @property
    def answered(self) -> bool:
        """Whether anything was said."""
        return self.answer.status != "abstained"

    @property
    def answerable(self) -> bool:
        """Whether the documents hold the answer."""
        return bool(self.topic.answerable)

    @property
    def said(self) -> str:
        """The sentences of the answer, nothing for an abstention."""
        return _text(self.answer.sentences)

    @property
    def citations(self) -> list[Citation]:
        """What the answer cites."""
        return _citations(self.answer.sentences)


def evaluate_answers(
    indexed: Indexed, dataset: Dataset, *, risk: float = DEFAULT_RISK, judge: tuple[str, Judge] | None = None,
    progress: Progress | None = None,
) -> AnswersRecord:  # fmt: skip
    """Asks every topic of which it is known whether the documents answer it, and measures answers, citations and refusals."""
    engine = indexed.engine
    topics, notes = askable(dataset)
    player = Player(indexed, dataset)
    played = []
    for number, topic in enumerate(topics):
        if progress is not None:
            progress.advance(number, len(topics), topic.text[:60])
        played.append(player.play(topic)[0])
    measured, by_verifier = _measure(played, engine)
    estimates = {name: estimate(values) for name, values in measured.items()}
    mean = {name: round(e.mean, 6) if e.per_topic else None for name, e in estimates.items()}
    warnings = Counter(warning for p in played for warning in p.answer.warnings)
    notes += [
        *dataset.notes,
        *indexed.notes,
        *(f"{n} questions: {text}" for text, n in warnings.items()),
        *_told(played),
    ]
    return AnswersRecord(
        dataset=dataset.name,
        topics=len(played),
        answerable=sum(p.answerable for p in played),
        unanswerable=sum(not p.answerable for p in played),
        right=mean["right"] or 0.0,
        em=mean["em"],
        f1=mean["f1"],
        containment=mean["containment"],
        short_f1=mean["short_f1"],
        overall=_overall(played),
        citation_precision=mean["citation_precision"],
        citation_recall=mean["citation_recall"],
        evidence_recall=mean["evidence_recall"],
        citations=_read_back(played, engine),
        by_verifier=by_verifier,
        intervals={name: interval(e) for name, e in estimates.items() if e.per_topic},
        abstention=_abstention(played, risk, engine.settings.generate.threshold),
        waterfall=waterfall((p.topic.query_id, p.loss) for p in played if p.answerable),
        latency_ms=latency(_times(played)),
        tokens=_tokens(played),
        judge=_judged(played, *judge) if judge else None,
        per_topic={name: rounded(e.per_topic) for name, e in estimates.items()},
        outcomes=[_row(p) for p in played],
        notes=notes,
        config_hash=engine.config_hash,
        generation=engine.snapshot().generation,
        provenance=provenance(engine, dataset.location, indexed.corpus_sha256),
    )


def askable(dataset: Dataset) -> tuple[list[Topic], list[str]]:
    """The topics whose answerability is known, and a note on the others. Raises DatasetInvalid when there is none."""
    known = [
        replace(topic, answerable=True) if topic.answerable is None else topic
        for topic in dataset.topics
        if topic.answerable is not None or any(grade > 0 for grade in dataset.qrels.get(topic.query_id, {}).values())
    ]
    if not known:
        raise DatasetInvalid(
            f"{dataset.location}: of no question it is known whether the documents answer it",
            hint='Give questions "answerable": true or false, "answers" or "evidence", or qrels.',
        )
    left = len(dataset.topics) - len(known)
    return known, [f"{left} questions without any judgement are not asked"] if left else []


class Player:
    """Plays topics through the line and says what became of each."""

    def __init__(self, indexed: Indexed, dataset: Dataset) -> None:
        self._engine = indexed.engine
        self._engine.embedder.embed(["the model is loaded before the clock runs"])
        self._gold = GoldFinder(indexed.engine.catalog, indexed.names)
        self._qrels = dataset.qrels

    def play(self, topic: Topic) -> tuple[Played, Replay]:
        """One topic through the line: what became of it, and all that the stages left behind, which is much."""
        gold = self._gold.find(topic, self._qrels.get(topic.query_id, {}))
        played = replay(self._engine, topic.query)
        found = played.verified.sentences
        found_right = bool(topic.answerable) and _is_right(topic, gold, found)
        abstained = played.answer.status == "abstained"
        right = abstained if not topic.answerable else found_right and not abstained
        loss = blame(gold, played, right=right, in_context=self._engine.settings.context.max_passages)
        answer = replace(played.answer, context=Context((), 0, 0), trace=())
        return Played(topic, gold, answer, found, found_right, right, loss), played


def _is_right(topic: Topic, gold: Gold, sentences: Sequence[Sentence]) -> bool:
    said = _text(sentences)
    return bool(contains(said, topic.answers)) or any(holds(c, topic, gold) for c in _citations(sentences))


def holds(citation: Citation, topic: Topic, gold: Gold) -> bool:
    """Whether the cited span holds the evidence: it shares half of the shorter with a gold span, or states an accepted answer in a
    relevant document; where documents alone are judged, whether it lies in a relevant one."""
    if citation.doc_id not in gold.documents:
        return gold.level == "unknown" and bool(contains(citation.quote, topic.answers))
    if gold.level == "document" or contains(citation.quote, topic.answers):
        return True
    cited = (citation.doc_id, citation.start_char, citation.end_char)
    return any(
        overlap(cited, span) >= HELD * min(span[2] - span[1], citation.end_char - citation.start_char)
        for span in gold.spans
    )


def _measure(played: Sequence[Played], engine: Engine) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Every measure by topic, each over the topics for which it is defined; and citation recall by verifier."""
    measured: dict[str, dict[str, float]] = {name: {} for name in ANSWER_MEASURES}
    verifiers: list[Verifier] = [engine.aligner]
    if engine.verifier.name != engine.aligner.name:
        verifiers.append(engine.verifier)
    supported: dict[str, list[float]] = defaultdict(list)
    for p in played:
        key = p.topic.query_id
        measured["right"][key] = float(p.right)
        if p.answerable and p.topic.answers:
            measured["em"][key] = exact_match(p.said, p.topic.answers)
            measured["f1"][key] = token_f1(p.said, p.topic.answers)
            measured["short_f1"][key] = token_f1(p.answer.short_answer or p.said, p.topic.answers)
            measured["containment"][key] = contains(p.said, p.topic.answers)
        held = [holds(c, p.topic, p.gold) for c in p.citations]
        if p.answerable and p.gold.level != "unknown":
            measured["evidence_recall"][key] = float(any(held))
        if p.answerable and held and (p.gold.level != "unknown" or p.topic.answers):
            measured["citation_precision"][key] = sum(held) / len(held)
        if p.answered:
            for verifier in verifiers:
                supported[verifier.name].append(_supported(p.answer, engine, verifier))
            measured["citation_recall"][key] = supported[verifiers[0].name][-1]
    return measured, {name: round(float(np.mean(values)), 6) for name, values in supported.items()}


def _supported(answer: Answer, engine: Engine, verifier: Verifier) -> float:
    """The share of drafted sentences with a citation that the verifier finds to support it; what was dropped had none."""
    good = [max(support_of(s, engine.catalog, verifier), default=0.0) > 0 for s in answer.sentences]
    return sum(good) / (len(good) + sum(not check.kept for check in answer.checks))


def _overall(played: Sequence[Played]) -> dict[str, float]:
    """EM and F1 over all topics as SQuAD 2.0 counts them: where nothing answers, only silence is right."""
    rows = [p for p in played if p.topic.answers or not p.answerable]
    if not rows:
        return {}
    accepted = [p.topic.answers if p.answerable else () for p in rows]
    return {
        "em": round(float(np.mean([exact_match(p.said, a) for p, a in zip(rows, accepted, strict=True)])), 6),
        "f1": round(float(np.mean([token_f1(p.said, a) for p, a in zip(rows, accepted, strict=True)])), 6),
    }


def _read_back(played: Sequence[Played], engine: Engine) -> dict[str, int]:
    """Every citation read anew from the catalog: how many, and how many are not what is stored there."""
    citations = [c for p in played for c in p.citations]
    stored = [engine.catalog.text_at(c.doc_id, c.version, c.start_char, c.end_char) for c in citations]
    broken = sum(text != c.quote for text, c in zip(stored, citations, strict=True))
    return {"checked": len(citations), "broken": broken}


def _abstention(played: Sequence[Played], risk: float, threshold: float) -> AbstentionFigures:
    scores = [p.answer.sufficiency.probability if p.found else 0.0 for p in played]
    figures = abstention([p.answerable for p in played], [p.answered for p in played], scores)
    curve = risk_coverage(scores, [p.found_right for p in played])
    answered = [p for p in played if p.answered]
    met, surely = threshold_for_risk(curve, risk), sure_threshold(curve, risk, len(played))
    step = max(1, -(-len(curve) // MOST_CURVE_POINTS))
    return AbstentionFigures(
        **asdict(figures),
        threshold=threshold,
        coverage=len(answered) / len(played),
        risk=sum(not p.right for p in answered) / len(answered) if answered else None,
        aurc=area_under(curve),
        stated_risk=risk,
        threshold_for_risk=RiskPoint(**asdict(met)) if met else None,
        threshold_for_risk_sure=RiskPoint(**asdict(surely)) if surely else None,
        curve=[RiskPoint(**asdict(point)) for i, point in enumerate(curve) if i % step == 0 or i + 1 == len(curve)],
    )


def _judged(played: Sequence[Played], name: str, judge: Judge) -> JudgeFigures:
    answered = [p for p in played if p.answered]
    verdicts = [
        bool(judge(p.topic.text, p.said, [c.quote for c in p.citations], list(p.topic.answers))) for p in answered
    ]
    kappa = cohen_kappa(verdicts, [p.right for p in answered])
    accepted = sum(verdicts) / len(verdicts) if verdicts else 0.0
    return JudgeFigures(name=name, judged=len(verdicts), accepted=round(accepted, 6), kappa=round(kappa, 6))


def _told(played: Sequence[Played]) -> list[str]:
    """What a reader of the figures must know of the judgements."""
    by_document = sum(p.answerable and p.gold.level == "document" and not p.gold.lost for p in played)
    unknown = sum(p.answerable and p.gold.level == "unknown" for p in played)
    notes = []
    if by_document:
        notes.append(
            f"{by_document} answerable questions are judged by documents alone: citing a relevant one counts as right"
        )
    if unknown:
        notes.append(
            f"of {unknown} answerable questions nobody says where the answer stands: no stage is blamed for them"
        )
    return notes


def _times(played: Sequence[Played]) -> Mapping[str, list[float]]:
    times: dict[str, list[float]] = defaultdict(list)
    for p in played:
        for stage, ms in p.answer.timings_ms.items():
            times[stage].append(ms)
    return times


def _tokens(played: Sequence[Played]) -> dict[str, float]:
    names = dict.fromkeys(name for p in played for name in p.answer.usage)
    return {name: round(float(np.mean([p.answer.usage.get(name, 0) for p in played])), 1) for name in names}


def _row(p: Played) -> TopicRow:
    answer = p.answer
    return TopicRow(
        query_id=p.topic.query_id,
        question=p.topic.text,
        answerable=p.topic.answerable,
        status=answer.status,
        sufficiency=round(answer.sufficiency.probability, 4),
        right=p.found_right if p.answerable else None,
        lost_at=p.loss.step if p.answerable else "",
        reason=p.loss.reason if p.answerable else "",
        said=_text(p.found),
    )


def _text(sentences: Sequence[Sentence]) -> str:
    return " ".join(sentence.text for sentence in sentences)


def _citations(sentences: Sequence[Sentence]) -> list[Citation]:
    return [citation for sentence in sentences for citation in sentence.citations]
