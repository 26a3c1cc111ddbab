"""Redaction of personal data: precision and recall by kind on labelled texts, and what it finds in ordinary ones.

python benchmarks/redaction.py FOLDER... [--ordinary FILE_OR_FOLDER...] [--show]

A FOLDER holds .jsonl files whose lines have `full_text` and `spans` (`entity_type`, `start_position`, `end_position`), as the synthetic data of
presidio-research; other lines are passed over. A datum counts as found when all its letters and digits are redacted, under whatever kind;
a find counts as right when it touches a datum of its kind. Ordinary texts are corpora in the BEIR layout (the first 2,000 documents), or
folders of text files: every find there is printed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from citewell.ingest.redact import KINDS, Redactor

LABELS = {
    "email": "EMAIL_ADDRESS",
    "phone": "PHONE_NUMBER",
    "card": "CREDIT_CARD",
    "iban": "IBAN_CODE",
    "national_id": "US_SSN",
    "ip": "IP_ADDRESS",
    "name": "PERSON",
}
AT_MOST = 2000
TEXTS = {".md", ".txt", ".html", ".rst"}


def main() -> None:
    """Prints the table of each labelled folder, and the finds in ordinary texts by kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--ordinary", type=Path, nargs="*", default=[])
    parser.add_argument("--names", action="store_true", help="also names of people, which needs presidio-analyzer")
    parser.add_argument("--language", default="en")
    parser.add_argument("--regions", nargs="*", default=[], help="countries of phone numbers, such as US GB")
    parser.add_argument("--show", action="store_true", help="print each datum missed and each wrong find")
    arguments = parser.parse_args()
    redactor = Redactor(KINDS, names=arguments.names, phone_regions=arguments.regions)
    for folder in arguments.folders:
        tell_labelled(folder, redactor, arguments.language, arguments.show)
    for path in arguments.ordinary:
        tell_ordinary(path, redactor, arguments.language)


def tell_labelled(folder: Path, redactor: Redactor, language: str, show: bool) -> None:
    """Prints precision and recall by kind."""
    labelled, reached, found, right = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    kind_of = {label: kind for kind, label in LABELS.items() if kind != "name" or redactor.names}
    for row in rows(folder):
        text = row["full_text"]
        told = [
            (kind_of[s["entity_type"]], s["start_position"], s["end_position"])
            for s in row["spans"]
            if s["entity_type"] in kind_of
        ]
        spans = redactor.spans(text, language)
        redacted = {at for span in spans for at in range(span.start, span.end)}
        for kind, start, end in told:
            labelled[kind] += 1
            whole = all(at in redacted or not text[at].isalnum() for at in range(start, end))
            reached[kind] += whole
            if show and not whole:
                print(
                    f"  missed {kind}: {text[max(0, start - 30) : start]!r} {text[start:end]!r} {text[end : end + 12]!r}"
                )
        for span in spans:
            found[span.kind] += 1
            good = any(kind == span.kind and start < span.end and span.start < end for kind, start, end in told)
            right[span.kind] += good
            if show and not good:
                print(
                    f"  wrong {span.kind}: {text[max(0, span.start - 30) : span.start]!r} {text[span.start : span.end]!r}"
                )
    print(f"{folder}:")
    for kind in LABELS:
        if labelled[kind] or found[kind]:
            print(
                f"  {kind:12} recall {share(reached[kind], labelled[kind])} of {labelled[kind]:4}"
                f"  precision {share(right[kind], found[kind])} of {found[kind]:4}"
            )


def tell_ordinary(path: Path, redactor: Redactor, language: str) -> None:
    """Prints how many finds of each kind there are in ordinary texts, and each."""
    counts, n_texts, n_chars, began = Counter[str](), 0, 0, time.perf_counter()
    shown = []
    for text in texts(path):
        n_texts, n_chars = n_texts + 1, n_chars + len(text)
        for span in redactor.spans(text, language):
            counts[span.kind] += 1
            shown.append(
                f"  {span.kind}: {text[max(0, span.start - 40) : span.start]!r} {text[span.start : span.end]!r}"
            )
    seconds = time.perf_counter() - began
    print(
        f"{path}: {n_texts} texts, {n_chars:,} characters, {n_chars / seconds / 1e6:.2f} million a second: {dict(counts)}"
    )
    print("\n".join(shown))


def rows(folder: Path) -> Iterator[dict[str, Any]]:
    """The labelled texts of a folder."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if isinstance(row, dict) and "full_text" in row:
                yield row


def texts(path: Path) -> Iterator[str]:
    """The texts of a corpus, or of the files in a folder."""
    if path.is_file():
        for line in islice(path.read_text(encoding="utf-8").splitlines(), AT_MOST):
            row = json.loads(line)
            yield f"{row.get('title', '')}\n{row['text']}"
    for file in sorted(path.rglob("*")) if path.is_dir() else []:
        if file.suffix in TEXTS:
            yield file.read_text(encoding="utf-8")


def share(part: int, whole: int) -> str:
    """A share with three digits."""
    return f"{part / whole:.3f}" if whole else "  -  "


if __name__ == "__main__":
    main()
