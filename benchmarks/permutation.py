"""How often the paired permutation test cries wolf: pairs of systems that are the same by construction.

    python benchmarks/permutation.py RECORD.json [--pairs 200] [--measure nDCG@10]

RECORD.json is what `citewell evaluate retrieval --json` wrote. For each pair, the values of BM25 and hybrid are swapped at random
per topic: there is no difference between the two, whatever the test says. Of 200 pairs, 2 % to 8 % are expected to be called
significant at the 5 % level (two standard errors around 5 %). Seeded; exits with 1 when the rate lies outside.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from citewell.evaluation.measures.statistics import ALPHA, paired_difference, permutation_p
from citewell.evaluation.record import RetrievalRecord, read_records

SEED = 29
LOW, HIGH = 0.02, 0.08


def main() -> None:
    """Prints the rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("record", type=Path)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--measure", default="nDCG@10")
    arguments = parser.parse_args()
    (record,) = read_records(arguments.record)
    assert isinstance(record, RetrievalRecord)
    one, other = (record.per_topic[stage][arguments.measure] for stage in ("bm25", "hybrid"))
    topics = list(one)
    chance = np.random.default_rng(SEED)
    called = []
    for _ in range(arguments.pairs):
        swapped = chance.integers(0, 2, len(topics)).astype(bool)
        a = {t: other[t] if s else one[t] for t, s in zip(topics, swapped, strict=True)}
        b = {t: one[t] if s else other[t] for t, s in zip(topics, swapped, strict=True)}
        differences = np.array([b[t] - a[t] for t in topics])
        called.append(permutation_p(differences, seed=int(chance.integers(2**31))) < ALPHA)
    rate = float(np.mean(called))
    real = paired_difference(one, other)
    print(f"{record.dataset}, {arguments.measure}, {len(topics)} topics, {arguments.pairs} pairs without a difference")
    print(f"called significant at {ALPHA:.0%}: {rate:.3f} (expected {LOW} to {HIGH})")
    print(f"bm25 against hybrid as they are: {real.mean:+.4f} [{real.low:+.4f}, {real.high:+.4f}], p {real.p:.4f}")
    sys.exit(not LOW <= rate <= HIGH)


if __name__ == "__main__":
    main()
