"""The verifier on public claims and on altered sentences, beside alignment alone: exact, and with weights for shared words.

    python benchmarks/verifier.py GROUNDEDNESS_FOLDER [--altered FILE.jsonl] [--verifier NAME_OR_FOLDER] [--most N]

GROUNDEDNESS_FOLDER holds *.jsonl with `premise`, `hypothesis`, `label`; FILE.jsonl is what `benchmarks/alterations.py` makes. Balanced
accuracy and AUROC are those of the probability at one half, precision and coverage those of the verdict `supported`. `exact` supports what
differs in no number, date, unit, name or negation; `alignment` is `generate.verifier = "alignment"`, fitted with the share of words that the
evidence holds.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from measuring import describe_machine
from numpy.typing import NDArray

from citewell.core.protocols import Verifier
from citewell.core.scores import auroc
from citewell.core.settings import load_settings
from citewell.core.verdicts import Claimed, Verdict
from citewell.generate.verification.alignment import align
from citewell.pipeline.wiring import Engine
from citewell.training.verifier.claims import SUPPORTED, read_judged
from citewell.training.verifier.fit import PROMISED, balanced

SEED = 5
NAMES = ("exact", "alignment", "entailment")


def main() -> None:
    """Prints tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--altered", type=Path)
    parser.add_argument("--verifier", default="citewell-verifier")
    parser.add_argument("--most", type=int, help="claims of a set")
    arguments = parser.parse_args()
    print(describe_machine())
    engine = Engine(Path("."), load_settings(generate={"verifier": arguments.verifier}))
    means = {name: float(np.mean(groundedness(engine, arguments.folder, name, arguments.most))) for name in NAMES}
    for name in NAMES[:-1]:
        print(f"balanced accuracy, mean of sets: {means[NAMES[-1]] - means[name]:+.3f} over {name} alone")
    if arguments.altered:
        altered(engine, arguments.altered)


class Exact:
    """Supports every claim in which nothing differs that is said exactly."""

    name = "exact"

    def check(self, claims: Sequence[Claimed]) -> list[Verdict]:
        """A verdict on each claim, in their order."""
        found = [align(claim.text, claim.evidence, claim.header) for claim in claims]
        return [
            Verdict("not_supported", 0.0, (), a.spans) if a.findings else Verdict("supported", 1.0, (), a.spans)
            for a in found
        ]


def verdicts(engine: Engine, name: str, claims: list[Claimed]) -> tuple[list[Verdict], float]:
    """What the verifier of this name says, and milliseconds a claim."""
    kinds: dict[str, Verifier] = {"exact": Exact(), "alignment": engine.aligner, "entailment": engine.verifier}
    verifier = kinds[name]
    verifier.check(claims[:2])
    began = time.perf_counter()
    found = [verdict for claim in claims for verdict in verifier.check([claim])]
    return found, 1000 * (time.perf_counter() - began) / max(1, len(claims))


def groundedness(engine: Engine, folder: Path, name: str, most: int | None) -> list[float]:
    """Figures by set; the balanced accuracies."""
    by: dict[str, list[tuple[Claimed, bool]]] = defaultdict(list)
    for claim in read_judged(folder):
        by[claim.source].append((Claimed(claim.text, claim.evidence), claim.target == (SUPPORTED,)))
    print(f"\n{name:32} claims  bal.acc.  AUROC  precision  coverage  ms  coverage at precision {PROMISED}")
    accuracies, at_promise, right = [], [], []
    for source, rows in sorted(by.items()):
        chosen = random.Random(SEED).sample(rows, most) if most and len(rows) > most else rows
        found, ms = verdicts(engine, name, [claim for claim, _ in chosen])
        truth = np.array([label for _, label in chosen])
        support = np.array([verdict.support for verdict in found])
        called = np.array([verdict.label == "supported" for verdict in found])
        right += truth[called].tolist()
        accuracies.append(balanced(support >= 0.5, truth))
        told = auroc(support[truth].tolist(), support[~truth].tolist()) or 0.0
        precision = float(truth[called].mean()) if called.any() else float("nan")
        at_promise.append(covered(support, truth))
        print(
            f"{source:32} {len(chosen):6} {accuracies[-1]:9.3f} {told:6.3f} {precision:10.3f} {called.mean():9.3f} {ms:5.1f} {at_promise[-1]:9.3f}"
        )
    print(f"{'mean':32} {'':6} {np.mean(accuracies):9.3f} {'':33} {np.mean(at_promise):9.3f}")
    asked = sum(min(len(rows), most or len(rows)) for rows in by.values())
    print(
        f"of all {asked} claims together {len(right)} are called supported ({len(right) / asked:.3f}); {np.mean(right):.3f} of these are"
    )
    return accuracies


def covered(support: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The largest share of claims, from the best supported on, of which PROMISED are supported."""
    order = np.argsort(-support, kind="stable")
    good = np.flatnonzero(np.cumsum(truth[order]) / np.arange(1, len(order) + 1) >= PROMISED)
    return float(good[-1] + 1) / len(order) if len(good) else 0.0


def altered(engine: Engine, path: Path) -> None:
    """The share of altered sentences that is not called supported, and of faithful ones that is not."""
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for name in NAMES:
        found, ms = verdicts(engine, name, [Claimed(case["sentence"], case["source"]) for case in cases])
        count, stopped = Counter[str](), Counter[str]()
        for case, verdict in zip(cases, found, strict=True):
            for kind in (case["kind"], "altered" if case["altered"] else "faithful"):
                count[kind] += 1
                stopped[kind] += verdict.label != "supported"
        print(f"\n{name}: not supported, of {len(cases)} ({ms:.1f} ms each)")
        for kind, number in count.items():
            print(f"  {kind:14} {stopped[kind]:5} of {number:5} ({stopped[kind] / number:.3f})")


if __name__ == "__main__":
    main()
