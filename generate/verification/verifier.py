"""Verdicts on claims: quotations are known by their letters, figures by alignment, the rest by both alignment and entailment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from citewell.core.verdicts import Claimed, Verdict, VerdictLabel
from citewell.generate.verification.alignment import Alignment, Finding, align
from citewell.generate.verification.entailment import Entailment
from citewell.generate.verification.weights import EXACT, FEATURES, Weights, described

FULL_SUPPORT = 1.0
LEAST_COVERAGE = 0.1  # of a claim whose words hardly stand in its evidence nothing need be asked


class ClaimVerifier:
    """Judges claims by alignment, and by meaning where a trained verifier is given."""

    def __init__(self, weights: Weights, entailment: Entailment | None = None) -> None:
        self._weights = weights
        self._entailment = entailment

    @property
    def name(self) -> str:
        """How it decides."""
        return "alignment" if self._entailment is None else "entailment"

    def check(self, claims: Sequence[Claimed]) -> list[Verdict]:
        """A verdict on each claim, in their order. Raises ModelUnavailable or ModelFailed."""
        aligned = [align(claim.text, claim.evidence, claim.header) for claim in claims]
        asked = [i for i, a in enumerate(aligned) if not a.quotation and a.coverage >= LEAST_COVERAGE]
        odds = np.zeros((len(claims), 2))
        if self._entailment is not None and asked:
            odds[asked] = self._entailment.log_odds([claims[i] for i in asked])
        rows = np.array([described(a, (o[0], o[1])) for a, o in zip(aligned, odds.tolist(), strict=True)])
        support = self._weights.probability(rows.reshape(len(claims), len(FEATURES)))
        return [
            self._verdict(a, float(p), float(o[1])) for a, p, o in zip(aligned, support, odds.tolist(), strict=True)
        ]

    def _verdict(self, alignment: Alignment, support: float, contradicted: float) -> Verdict:
        if alignment.quotation:
            return Verdict("supported", FULL_SUPPORT, (alignment.quotation,), alignment.spans)
        reasons = [reason_of(finding) for finding in alignment.findings]
        if alignment.coverage < LEAST_COVERAGE:
            return Verdict("not_supported", 0.0, (*reasons, "not_said"), alignment.spans)
        exact = any(finding.kind in EXACT for finding in alignment.findings)
        if support >= self._weights.threshold and not exact:
            return Verdict("supported", support, (*reasons, "entailed"), alignment.spans)
        by_meaning = self._entailment is not None and contradicted >= self._weights.contradicted
        against = by_meaning or any(finding.contradicts for finding in alignment.findings)
        label: VerdictLabel = "contradicted" if against else "not_supported"
        if not reasons:
            reasons = ["contradicted_by_meaning" if against else "not_entailed"]
        return Verdict(
            label, min(support, self._weights.threshold) if exact else support, tuple(reasons), alignment.spans
        )


def reason_of(finding: Finding) -> str:
    """The code of a finding: `number_differs` where the evidence says another, `number_missing` where it says none."""
    return f"{finding.kind}_{'differs' if finding.contradicts else 'missing'}"
