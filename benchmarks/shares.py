"""Two processes on the same cores: what each loses when both are told their share, and when both take what they find free.

python benchmarks/shares.py SCIFACT [--runtime auto] [--seconds 15]

Bound to two cores. Each process embeds the same texts over and over; reported are texts a second of one process with its share alone,
of two at the same time, and the loss. Then without a share: one process alone, and two.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from measuring import describe_machine

from citewell.core.settings import EmbedderSettings, EncoderSettings
from citewell.evaluation.topics.corpora import JsonlCorpus
from citewell.index.embed import SentenceEmbedder

TEXTS = 32


def main() -> None:
    """Prints a line a share."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--threads", type=int, help="embed in this process, on so many threads (0: what is free)")
    arguments = parser.parse_args()
    if arguments.threads is not None:
        print(json.dumps(embed(arguments.dataset, arguments.runtime, arguments.threads, arguments.seconds)))
        return
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    print(describe_machine(), flush=True)
    for threads in (1, 0):
        alone = together(arguments, threads, 1)
        both = together(arguments, threads, 2)
        losses = [1 - rate / alone[0] for rate in both]
        share = f"{threads} thread each" if threads else "no share named"
        told = ", ".join(f"{rate:.1f} ({loss:+.0%} lost)" for rate, loss in zip(both, losses, strict=True))
        print(f"{share}: alone {alone[0]:.1f} texts/s; two at the same time {told}", flush=True)


def together(arguments: argparse.Namespace, threads: int, count: int) -> list[float]:
    """Texts a second of so many processes at the same time."""
    command = [sys.executable, "-W", "ignore", __file__, str(arguments.dataset), "--runtime", arguments.runtime]
    command += ["--seconds", str(arguments.seconds), "--threads", str(threads)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    return [float(json.loads(process.communicate()[0].strip().splitlines()[-1])) for process in started]


def embed(location: Path, runtime: str, threads: int, seconds: float) -> float:
    """Texts a second of this process; all begin to count at a full multiple of ten seconds."""
    settings = EncoderSettings.model_validate({"runtime": runtime, "threads": threads})
    embedder = SentenceEmbedder(EmbedderSettings(), settings)
    entries = JsonlCorpus("benchmark", location / "corpus.jsonl").entries()[:TEXTS]
    texts = [entry.document.text for entry in entries if entry.document]
    embedder.embed(texts)
    time.sleep(10 - time.time() % 10)
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        done += len(embedder.embed(texts))
    return done / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
