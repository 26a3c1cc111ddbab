"""What is in a data directory and whether it holds together."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from citewell.core.errors import CitewellError, IndexMissing
from citewell.core.types import Chunk, Query, text_version
from citewell.index.catalog import CATALOG_NAME, Catalog
from citewell.index.dense import DenseIndex
from citewell.index.generations import Manifest, damaged_files, generation_folder, read_manifest, read_table
from citewell.pipeline.budget import forwards_within, measured_forward
from citewell.pipeline.wiring import Engine

VECTOR_TOLERANCE = 1e-6
REBUILD = "Run `citewell ingest --rebuild`."


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
    return {
        "directory": str(engine.directory),
        "generation": f"{live:06d}" if live is not None else None,
        "generations_kept": [f"{g:06d}" for g in catalog.generations()],
        **catalog.counts(),
        "sources": catalog.sources(),
        "embedder": engine.settings.embedder.model,
        "reranker": engine.settings.rerank.model or None,
        "config_hash": engine.config_hash,
        "rejected": catalog.dead_letters(),
    }


def examine(engine: Engine) -> list[Finding]:
    """Models and index, looked at one by one; never raises a CitewellError."""
    findings: list[Finding] = []
    for subject, look in (("embedder", _embedder), ("reranker", _reranker)):
        try:
            findings.append(Finding(subject, "ok", look(engine)))
        except CitewellError as error:
            findings.append(Finding(subject, "problem", error.message, error.hint))
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


def _embedder(engine: Engine) -> str:
    embedder = engine.embedder
    return f"{engine.settings.embedder.model}, {embedder.dimension} dimensions, {embedder.max_tokens} tokens, weights {embedder.fingerprint}"


def _reranker(engine: Engine) -> str:
    if engine.reranker is None:
        return "none is configured: the order before it is the final one"
    probe = "This passage is scored to see whether the model works."
    chunk = Chunk("0" * 16, "0" * 16, text_version(probe), 0, len(probe), probe, 12)
    engine.reranker.score(Query("Does the model work?"), [chunk])
    settings = engine.settings.rerank
    forward = measured_forward(engine.directory, engine.reranker, engine.settings.embedder.threads)
    budget = f"a budget of {settings.budget_ms} ms" if settings.budget_ms else "no budget"
    fitting = forwards_within(1000, forward)
    return (
        f"{settings.model}, {forward:.1f} ms a passage on this machine ({fitting} a second); {budget}: "
        f"at most {engine.rerank_settings.max_forwards} passages are read a question"
    )


def _index(engine: Engine) -> list[Finding]:
    catalog = engine.catalog
    damage = catalog.integrity_problems()
    findings = [Finding("catalog", "problem", text, "Restore it from a backup.") for text in damage]
    live = catalog.live_generation()
    if live is None:
        return [*findings, Finding("index", "note", "no generation has been published yet", IndexMissing.default_hint)]
    manifest = read_manifest(engine.directory, live, catalog.manifest_sha256(live) or "")
    findings.extend(
        Finding("index", "problem", f"{name} does not match its checksum", REBUILD)
        for name in damaged_files(engine.directory, manifest)
    )
    if not findings:
        findings.extend(_consistency(engine.directory, catalog, manifest))
    counts = catalog.counts()
    if not any(f.state == "problem" for f in findings):
        engine.snapshot()
        detail = f"generation {live:06d}: {counts['documents']} documents, {counts['passages']} passages"
        findings.append(Finding("index", "ok", detail))
    if counts["rejected_files"]:
        detail = f"{counts['rejected_files']} files could not be read"
        findings.append(Finding("ingestion", "note", detail, "`citewell status` lists them with their reasons."))
    return findings


def _consistency(directory: Path, catalog: Catalog, manifest: Manifest) -> list[Finding]:
    """Whether the index files hold exactly the living passages, with the vectors that the catalog has for them."""
    table, blocks = read_table(generation_folder(directory, manifest.generation))
    dense = DenseIndex(blocks, manifest.dimension)
    deleted = catalog.deleted_doc_ids()
    hidden = set(table.rows_of_documents(deleted).tolist())
    indexed = {key: row for key, row in table.ids().items() if row not in hidden}
    living = dict(catalog.vectors_of_living(manifest.fingerprints.embedder, manifest.fingerprints.chunker))
    findings = []
    if indexed.keys() != living.keys():
        difference = len(indexed.keys() ^ living.keys())
        findings.append(
            Finding(
                "index",
                "problem",
                f"{difference} passages are in the catalog or in the index, but not in both",
                REBUILD,
            )
        )
    without = sum(1 for vector in living.values() if vector is None)
    if without:
        findings.append(Finding("index", "problem", f"{without} passages have no vector in the catalog", REBUILD))
    both = [key for key in indexed.keys() & living.keys() if living[key] is not None]
    stored = dense.vectors(np.array([indexed[key] for key in both], dtype=np.int64))
    wrong = 0
    for key, vector in zip(both, stored, strict=True):
        wrong += bool(np.abs(np.frombuffer(living[key] or b"", "<f4") - vector).max() > VECTOR_TOLERANCE)
    if wrong:
        findings.append(
            Finding("index", "problem", f"{wrong} vectors of the index are not those of the catalog", REBUILD)
        )
    if hidden:
        findings.append(
            Finding("index", "note", f"{len(deleted)} deleted documents are hidden; the next ingestion removes them")
        )
    return findings


def findings_as_json(findings: list[Finding]) -> list[dict[str, str]]:
    """Findings for machines."""
    return [asdict(finding) for finding in findings]
