"""What is in a data directory and whether it holds together."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

from citewell.core.addresses import is_readable_on_the_way
from citewell.core.errors import CitewellError, IndexMissing, ModelFailed
from citewell.core.languages import UNKNOWN
from citewell.core.protocols import Reranker
from citewell.core.spending import Spent
from citewell.core.types import Chunk, Query, text_version
from citewell.core.verdicts import Claimed
from citewell.encoders.encoder import UNMEASURED
from citewell.index.analysis import FALLBACK, coverage
from citewell.index.store.blocks import sketches_of
from citewell.index.store.catalog import CATALOG_NAME
from citewell.index.store.generations import Manifest, generation_folder, read_manifest
from citewell.index.store.migrations import format_of
from citewell.index.store.owners import alive
from citewell.index.store.schema import FORMAT_VERSION
from citewell.index.store.verify import Remedy, verify
from citewell.pipeline.ingestion import desk
from citewell.pipeline.upkeep.drift import drift_of
from citewell.pipeline.upkeep.forwards import forwards_within, measured_forward
from citewell.pipeline.upkeep.language_models import health_of_writers, hints_for_local, try_writer, warm_up_writers
from citewell.pipeline.upkeep.runtimes import what_runs
from citewell.pipeline.wiring import Engine
from citewell.rerank.endpoint import is_endpoint

REMEASURE = "`citewell doctor --tune` measures what runs the models fastest here, and keeps it."
SPENT_DAYS = 7  # that a status shows
PROBE = "In the hall there are five pumps, and all of them are old."
REMEDIES: dict[Remedy, str] = {
    "restore": "Restore it from a backup: `citewell index restore`.",
    "ingest": "Run `citewell index repair`, then ingest their files again.",
    "embed": "Run `citewell index repair`.",
    "rebuild": "Run `citewell index repair`.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `ok`, `note` or `problem`, and what to do about it."""

    subject: str
    state: str
    detail: str
    hint: str = ""


def status(engine: Engine) -> dict[str, Any]:
    """Counts and names of what is live; equal before and after an ingestion that changed nothing. Raises IndexMissing."""
    catalog = engine.catalog
    live = catalog.live_generation()
    sketches = [] if live is None else sketches_of(generation_folder(engine.directory, live))
    manifest = None if live is None else _manifest(engine, live)
    return {
        "directory": str(engine.directory),
        "generation": f"{live:06d}" if live is not None else None,
        "generations_kept": [f"{g:06d}" for g in catalog.generations()],
        **catalog.counts(),
        "languages": _languages(manifest),
        "sketches": [asdict(measured) for measured in sketches],
        "sources": catalog.sources(),
        "embedder": engine.settings.embedder.model,
        "reranker": engine.settings.rerank.model or None,
        "vectors_by": list(manifest.vectors_by) if manifest else [],
        **_models(engine),
        "config_hash": engine.config_hash,
        "rejected": catalog.dead_letters(),
        "writers": [asdict(health) for health in health_of_writers(engine)],
        "spent": [_spent(one) for one in engine.spending.since(SPENT_DAYS)],
    }


def _spent(spent: Spent) -> dict[str, Any]:
    usage = spent.usage
    return {
        "day": spent.day, "caller": spent.caller, "model": spent.model, "calls": usage.calls, "read": usage.prompt_tokens,
        "cached": usage.cached_tokens, "written": usage.answer_tokens, "seconds": round(spent.cost.seconds, 1), "money": spent.cost.money,
    }  # fmt: skip


def _models(engine: Engine) -> dict[str, Any]:
    """What runs the models, and whether their live scores drift; what is wrong with a model is the doctor's to say."""
    try:
        return {"encoders": what_runs(engine), "drift": drift_of(engine.live_scores, engine.encoders)}
    except CitewellError as error:
        return {"encoders": {"error": error.message}, "drift": []}


def _manifest(engine: Engine, generation: int) -> Manifest:
    return read_manifest(engine.directory, generation, engine.catalog.manifest_sha256(generation) or "")


def _languages(manifest: Manifest | None) -> dict[str, dict[str, Any]]:
    """How many passages are in each language, the most frequent first, and what the analyzer knows of it."""
    return {
        language: {"passages": count, "analysed by": coverage(FALLBACK if language == UNKNOWN else language)}
        for language, count in (manifest.languages if manifest else {}).items()
    }


def examine(engine: Engine) -> list[Finding]:
    """Models and index, looked at one by one; never raises a CitewellError."""
    findings: list[Finding] = []
    for subject, look in (
        ("embedder", _embedder),
        ("reranker", _reranker),
        ("verifier", _verifier),
        ("evidence", _evidence),
        ("generator", try_writer),
    ):
        try:
            findings.append(Finding(subject, "ok", look(engine)))
        except CitewellError as error:
            findings.append(Finding(subject, "problem", error.message, error.hint))
    findings.extend(Finding("generator", "note", detail, hint) for detail, hint in hints_for_local(engine))
    findings.extend(_readable_on_the_way(engine))
    findings.extend(_encoders(engine))
    if not (engine.directory / CATALOG_NAME).is_file():
        hint = IndexMissing.default_hint
        return [*findings, Finding("index", "note", f"nothing has been ingested into {engine.directory} yet", hint)]
    try:
        findings.extend(_index(engine))
    except CitewellError as error:
        findings.append(Finding("index", "problem", error.message, error.hint))
    except sqlite3.DatabaseError as error:
        findings.append(Finding("catalog", "problem", f"it is damaged: {error}", "Restore it from a backup."))
    return findings


def _readable_on_the_way(engine: Engine) -> list[Finding]:
    """A note for each model to which passages, and a key if there is one, go unencrypted over a network."""
    generate = engine.settings.generate
    models = dict.fromkeys((engine.settings.rerank.model, generate.model, *generate.replicas, *generate.fallback))
    detail = "what is sent to {} can be read on the way, passages and a key among it"
    hint = "Give its address with https, or take a tunnel to it."
    return [
        Finding("endpoint", "note", detail.format(model), hint) for model in models if is_readable_on_the_way(model)
    ]


def _embedder(engine: Engine) -> str:
    embedder = engine.embedder
    return f"{engine.settings.embedder.model}, {embedder.dimension} dimensions, {embedder.max_tokens} tokens, weights {embedder.fingerprint}"


def _encoders(engine: Engine) -> list[Finding]:
    """What runs each model here, and why; a note where nothing was measured or something cannot be used."""
    try:
        found = what_runs(engine)
    except CitewellError:
        return []  # said of the model already
    findings = []
    for name, told in found["models"].items():
        both = dict.fromkeys((told["bulk"], told["question"]))
        detail = f"{name} runs by {' and, for a single question, '.join(both)} on {found['machine']}: {told['reason']}"
        unmeasured = told["reason"] == UNMEASURED
        state, hint = ("note", REMEASURE) if "fallback" in told or unmeasured else ("ok", "")
        findings.append(
            Finding("encoder", state, f"{detail}; {told['fallback']}" if "fallback" in told else detail, hint)
        )
        findings.extend(_drift(engine, name))
    return findings


def _drift(engine: Engine, name: str) -> list[Finding]:
    drift = engine.live_scores.of(name, engine.encoders[name])
    if drift is None or not drift.drifted:
        return []
    detail = f"{drift.outside:.0%} of the last {drift.scores} scores of {name} lie outside the range in which {drift.runtime} was compared with the reference"
    hint = "`citewell doctor --tune` measures anew; encoders.runtime = torch-float32 does without anything converted."
    return [Finding("drift", "note", detail, hint)]


def _reranker(engine: Engine) -> str:
    if engine.reranker is None:
        return "none is configured: the order before it is the final one"
    _score_probe(engine.reranker)
    settings = engine.settings.rerank
    forward = measured_forward(engine.directory, engine.reranker, engine.settings.encoders.threads)
    budget = f"a budget of {settings.budget_ms} ms" if settings.budget_ms else "no budget"
    fitting = forwards_within(1000, forward)
    return (
        f"{settings.model}, {forward:.1f} ms a passage on this machine ({fitting} a second); {budget}: "
        f"at most {engine.rerank_settings.max_forwards} passages are read a question"
    )


def _verifier(engine: Engine) -> str:
    verdicts = engine.verifier.check(
        [Claimed(text, PROBE) for text in ("Five pumps stand in the hall.", "There are nine pumps.")]
    )
    name = engine.settings.generate.verifier
    if [verdict.label for verdict in verdicts][1] == "supported":
        raise ModelFailed(f"the verifier {name} takes nine for five", hint="Restore its files, or train it anew.")
    return f"{name}, by {engine.verifier.name}"


def _evidence(engine: Engine) -> str:
    """Whose calibration tells when to answer, for which languages."""
    known = engine.evidence_model
    languages = sorted({one.language for one in known.configurations if one.knots})
    return f"the calibration that tells when to answer is {'your own' if known.source == 'own' else 'the shipped one'}, for: {', '.join(languages)}"


def warm_up(engine: Engine) -> None:
    """Loads the models before the first question needs them. Raises what a model that cannot be used raises."""
    engine.embedder.embed(["warm up"])
    if engine.reranker is not None and not is_endpoint(engine.settings.rerank.model):
        _score_probe(engine.reranker)
    warm_up_writers(engine)


def _score_probe(reranker: Reranker) -> None:
    probe = "This passage is scored to see whether the model works."
    chunk = Chunk("0" * 16, "0" * 16, text_version(probe), 0, len(probe), probe, 12)
    reranker.score(Query("Does the model work?"), [chunk])


def _index(engine: Engine) -> list[Finding]:
    catalog = engine.catalog
    findings = [
        Finding("catalog" if p.place == "catalog" else "index", "problem", f"{p.place}: {p.detail}", REMEDIES[p.remedy])
        for p in verify(engine.directory, catalog)
    ]
    live = catalog.live_generation()
    if live is None:
        return [*findings, Finding("index", "note", "no generation has been published yet", IndexMissing.default_hint)]
    if not findings:
        engine.snapshot()
        counts = catalog.counts()
        detail = f"generation {live:06d}: {counts['documents']} documents, {counts['passages']} passages"
        findings.append(Finding("index", "ok", detail))
    hidden = catalog.hidden_deletions()
    if hidden:
        detail = f"{hidden} deleted documents are hidden; the next ingestion takes them out of the index"
        findings.append(Finding("index", "note", detail))
    later = catalog.changes_since(live)
    if later:
        detail = f"{later} documents changed after the live generation was built"
        findings.append(Finding("index", "note", detail, "`citewell index rebuild` takes them up."))
    for doc_id, uri in catalog.unfinished_purges().items():
        hint = f"Run `citewell documents purge {doc_id}` again."
        findings.append(Finding("index", "problem", f"the purge of {uri} was not finished", hint))
    rejected = len(catalog.dead_letters())
    if rejected:
        detail = f"{rejected} files could not be read"
        findings.append(
            Finding("ingestion", "note", detail, "`citewell dead-letter list` says why; `retry` reads them again.")
        )
    findings.extend(_not_read(engine, live))
    findings.extend(_interrupted(engine))
    return findings


def _not_read(engine: Engine, live: int) -> list[Finding]:
    """A note where passages are in languages that the cross-encoder does not read."""
    reads, passages = engine.languages_read, _manifest(engine, live).languages
    unread = [f"{language} ({count})" for language, count in passages.items() if language not in (*reads, UNKNOWN)]
    if not reads or not unread or not engine.settings.rerank.model:
        return []
    detail = f"{engine.settings.rerank.model} does not read the passages in {', '.join(unread)}: they are ordered and weighed without it"
    return [
        Finding(
            "reranker",
            "note",
            detail,
            "Name a model that reads them with rerank.model; rerank.languages says what one reads.",
        )
    ]


def _interrupted(engine: Engine) -> list[Finding]:
    """Jobs that are not finished and that nobody works on."""
    if format_of(engine.directory / CATALOG_NAME) != FORMAT_VERSION:
        return []
    return [
        Finding("ingestion", "note", f"job {job.job_id} ({job.label}) is {job.state}, {job.settled} of {job.tasks} files are dealt with",
                f"`citewell jobs resume {job.job_id}` goes on, `cancel` drops it; ingesting the same again takes it over.")
        for job in desk.jobs(engine.directory)
        if job.ended_at is None and not alive(engine.directory, job.owner)
    ]  # fmt: skip


def findings_as_json(findings: list[Finding]) -> list[dict[str, str]]:
    """Findings for machines."""
    return [asdict(finding) for finding in findings]
