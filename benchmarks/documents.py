"""Every file of a folder through ingestion: what became of each, by type; word recall against reference texts; speed by format and stage.

python benchmarks/documents.py FOLDER [--expected FOLDER/expected] [--dir DIR] [--memory 1000]

FOLDER/expected/NAME.md holds the text that FOLDER/*/NAME.* should give. `--memory N` parses PDFs of the folder N times instead, and
says how the resident memory of this process grew.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import psutil
from measuring import describe_machine

from citewell.core.errors import FileRejected
from citewell.core.settings import IngestSettings, load_settings
from citewell.index.store.verify import verify
from citewell.ingest.facts import Facts
from citewell.ingest.isolation.pool import ParserPool
from citewell.ingest.jobs import IngestReport
from citewell.ingest.parsed import Reading
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.wiring import Engine

WARM_UP = 50
_MARKS = re.compile(r"[|*_#`>\\-]{1,}|<[^>]+>")
_WORD = re.compile(r"\w+")


def main() -> None:
    """Prints tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--expected", type=Path)
    parser.add_argument("--dir", type=Path, help="keep the index here")
    parser.add_argument("--memory", type=int)
    arguments = parser.parse_args()
    print(describe_machine())
    if arguments.memory:
        memory(arguments.folder, arguments.memory)
        return
    expected = arguments.expected or arguments.folder / "expected"
    with tempfile.TemporaryDirectory() as directory:
        settings = load_settings(ingest={"exclude": ["expected", "manifest.jsonl"]})
        engine = Engine(arguments.dir or Path(directory), settings)
        report = ingest_paths(engine, [arguments.folder])
        outcomes(engine, report, arguments.folder)
        recall(engine, expected)
        speed(report)
        print(f"index: {verify(engine.directory, engine.catalog) or 'sound'}")
        engine.close()


def outcomes(engine: Engine, report: IngestReport, folder: Path) -> None:
    """Files by type and outcome, and each that became no document with its reason."""
    files = [
        p for p in sorted(folder.rglob("*")) if p.is_file() and "expected" not in p.parts and p.name != "manifest.jsonl"
    ]
    prefix = f"{folder.resolve().name}/"
    failed = {f.uri.removeprefix(prefix): ("dead letter", f) for f in report.failed}
    failed |= {f.uri.removeprefix(prefix): ("needs OCR", f) for f in report.needs_ocr}
    held = {summary.uri.removeprefix(prefix) for summary in engine.catalog.summaries()}
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for file in files:
        name = file.relative_to(folder).as_posix()
        inside = any(uri.startswith(f"{name}/") for uri in held)
        outcome = (
            failed[name][0] if name in failed else "indexed" if name in held else "container" if inside else "LOST"
        )
        table[f"{file.parent.name} {file.suffix}"][outcome] += 1
    for kind, counts in sorted(table.items()):
        print(f"{kind:20} " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    total: Counter[str] = sum(table.values(), Counter())
    print(f"{len(files)} files: " + ", ".join(f"{count} {outcome}" for outcome, count in total.items()))
    for name, (outcome, failure) in sorted(failed.items()):
        print(f"  {outcome:12} {name}: {failure.reason} ({failure.code})")
    for warning in report.warnings:
        print(f"  partly       {warning}")


def recall(engine: Engine, expected: Path) -> None:
    """For each reference, the share of its words that the document has."""
    documents = {Path(s.uri).stem: s.doc_id for s in engine.catalog.summaries() if s.uri.endswith(".pdf")}
    for reference in sorted(expected.glob("*.md")):
        wanted = words(_MARKS.sub(" ", reference.read_text(encoding="utf-8")))
        if reference.stem not in documents:
            print(f"recall       {reference.name}: no document")
            continue
        found = words(engine.catalog.document(documents[reference.stem]).text)
        kept = sum((wanted & found).values())
        print(
            f"recall {kept / wanted.total():.3f} of {wanted.total()} words of {reference.name}; {(found - wanted).total()} words more"
        )


def words(text: str) -> Counter[str]:
    """How often each word stands in a text."""
    return Counter(word.lower() for word in _WORD.findall(text))


def speed(report: IngestReport) -> None:
    """Pages and files a second by format, and seconds by stage."""
    for name, counts in report.formats.items():
        seconds = max(counts["parse_ms"] / 1000, 0.001)
        pages = f"{counts['pages'] / seconds:8.1f} pages/s" if counts["pages"] else " " * 16
        print(
            f"{name:75} {counts['files']:4} files {counts['files'] / seconds:8.1f} files/s {pages} {counts['passages']:5} passages"
        )
    print(
        "stages: "
        + ", ".join(f"{name} {ms / 1000:.1f} s" for name, ms in report.timings_ms.items())
        + f"; whole {report.ms / 1000:.1f} s"
    )
    for cost in report.slowest:
        print(f"  slowest {cost.parse_ms:8.0f} ms {cost.uri}")


def memory(folder: Path, times: int) -> None:
    """Resident memory of this process before and after so many PDFs were parsed."""
    files = [p.read_bytes() for p in sorted(folder.rglob("*.pdf"))]
    process = psutil.Process()
    with ParserPool(IngestSettings(ocr="off")) as pool, tempfile.TemporaryDirectory() as scratch:
        before = 0
        for number in range(WARM_UP + times):
            if number == WARM_UP:
                before = process.memory_info().rss
            with contextlib.suppress(FileRejected):
                pool.parse(files[number % len(files)], Reading("x.pdf", ocr="off"), Facts(), Path(scratch))
            for left in Path(scratch).iterdir():
                left.unlink()
        after = process.memory_info().rss
    print(
        f"{times} PDFs parsed: resident {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after ({after / before - 1:+.1%})"
    )


if __name__ == "__main__":
    main()
